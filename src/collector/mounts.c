/* SPDX-License-Identifier: MIT */
/* Finds the mount of a path by parsing /proc/self/mountinfo. */

#include "collector/mounts.h"

/* Types whose statfs waits for another machine or process. Source: fs/Kconfig, fs/fuse. */
static const char *const remote_types[] = {
        "9p",    "afs",      "autofs", "beegfs", "ceph",   "cifs",  "coda",   "davfs",
        "fuse",  "fuseblk",  "gfs2",   "gpfs",   "lustre", "ncpfs", "nfs",    "nfs4",
        "ocfs2", "orangefs", "prl_fs", "pvfs2",  "smb3",   "smbfs", "vboxsf", "virtiofs",
};

static bool type_is_remote(const char *type, size_t size)
{
        for (size_t i = 0; i < ELEMENTSOF(remote_types); i++)
                if (strlen(remote_types[i]) == size && memcmp(remote_types[i], type, size) == 0)
                        return true;

        return size > strlen("fuse.") && startswith(type, "fuse.");
}

static bool is_octal(const char *at)
{
        return at[0] >= '0' && at[0] <= '3' && at[1] >= '0' && at[1] <= '7' && at[2] >= '0' && at[2] <= '7';
}

/* The length of the prefix of `path` that the mount point is, or -1 if the path is not under it: 5 for
 * "/home" and "/home/anna", -1 for "/home" and "/homes", 0 for "/" and any path. */
static ssize_t match_point(const char *point, size_t size, const char *path)
{
        size_t matched = 0;

        if (size == 1 && point[0] == '/')
                return 0;

        for (size_t i = 0; i < size; i++) {
                char byte = point[i];

                if (byte == '\\' && size - i > 3 && is_octal(point + i + 1)) {
                        byte = (char) ((point[i + 1] - '0') * 64 + (point[i + 2] - '0') * 8 + point[i + 3] -
                                       '0');
                        i += 3;
                }
                if (path[matched] == '\0' || path[matched] != byte)
                        return -1;
                matched++;
        }

        return path[matched] == '\0' || path[matched] == '/' ? (ssize_t) matched : -1;
}

/* The fifth field of a line, NULL if it has fewer. */
static const char *field_point(const char *line, size_t *ret_size)
{
        for (int i = 0; i < 4; i++) {
                line += strcspn(line, " \n");
                if (*line != ' ')
                        return NULL;
                line++;
        }

        *ret_size = strcspn(line, " \n");
        return *ret_size > 0 ? line : NULL;
}

MountKind mounts_find_kind(const char *text, const char *path)
{
        MountKind kind = MOUNT_UNKNOWN;
        ssize_t best = -1;
        const char *end;

        for (const char *line = text; *(end = strchrnul(line, '\n')) != '\0'; line = end + 1) {
                const char *type = memmem(line, (size_t) (end - line), " - ", 3);
                size_t size = 0;

                const char *point = field_point(line, &size);
                if (!type || !point)
                        continue;

                ssize_t matched = match_point(point, size, path);
                if (matched < 0 || matched < best)
                        continue;
                best = matched;
                type += 3;
                kind = type_is_remote(type, strcspn(type, " \n")) ? MOUNT_REMOTE : MOUNT_LOCAL;
        }

        return kind;
}
