/* SPDX-License-Identifier: MIT */
/* Sizes and free space of file systems. */

#include "collector/disks.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "basic/fd.h"
#include "collector/mounts.h"

/* "//home///anna/" becomes "/home/anna", as in the mount table. Returns NULL if out of memory. */
static char *normalise(const char *path)
{
        char *clean = malloc(strlen(path) + 2), *to = clean;

        if (!clean)
                return NULL;

        while (*path) {
                path += strspn(path, "/");
                size_t size = strcspn(path, "/");
                if (size == 0)
                        break;
                *to++ = '/';
                to = mempcpy(to, path, size);
                path += size;
        }
        if (to == clean)
                *to++ = '/';
        *to = '\0';
        return clean;
}

static bool has_dots(const char *path)
{
        return strstr(path, "/./") || strstr(path, "/../") || endswith(path, "/.") || endswith(path, "/..");
}

/* Reads the figures of the directory that it opened, which the kernel reached without following a link. */
static int read_figures(const char *path, DiskSample *ret_disk)
{
        struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS };
        struct statvfs st;

        _cleanup_(fd_closep) int fd = (int) syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
        if (fd < 0)
                return errno == ELOOP ? DISK_SYMLINK : DISK_ABSENT;
        if (fstatvfs(fd, &st) < 0)
                return DISK_ABSENT;

        ret_disk->total_bytes = (uint64_t) st.f_blocks * st.f_frsize;
        ret_disk->free_bytes = (uint64_t) st.f_bfree * st.f_frsize;
        ret_disk->available_bytes = (uint64_t) st.f_bavail * st.f_frsize;
        return DISK_OK;
}

int disk_read(const char *mountinfo, const char *path, SystemSample *sample)
{
        _cleanup_(freep) char *clean = normalise(path);
        DiskSample disk = { 0 };

        if (!clean)
                return -ENOMEM;
        if (sample->n_disks >= SAMPLE_DISKS_MAX)
                return DISK_ABSENT;
        if (has_dots(clean))
                return DISK_SYMLINK;
        if (!streq(clean, "/") && mounts_find_kind(mountinfo, clean) != MOUNT_LOCAL)
                return DISK_REMOTE;

        int r = read_figures(clean, &disk);
        if (r != DISK_OK)
                return r;

        disk.path = strdup(path);
        if (!disk.path)
                return -ENOMEM;
        sample->disks[sample->n_disks++] = disk;
        return DISK_OK;
}
