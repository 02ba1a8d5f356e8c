/* SPDX-License-Identifier: MIT */
/* Directories that the manifest allows, and that are closed to what devbox executes: a person on the
 * terminal may open them; else, and where there is no directory yet, the command that does is shown. */

#include <grp.h>
#include <unistd.h>

#include "ctl/device/acl-tree.h"
#include "ctl/join/join.h"
#include "schema/list.h"

typedef struct Access {
        const char *group;
        bool write;
} Access;

static bool is_needed(const Manifest *manifest, const char *root, bool write)
{
        for (size_t i = 0; i < manifest->capabilities.n; i++) {
                const Capability *capability = &manifest->capabilities.items[i];
                bool reads =
                        capability->kind == CAPABILITY_FS_LIST || capability->kind == CAPABILITY_FS_READ;

                if ((write ? capability->kind == CAPABILITY_FS_WRITE : reads) &&
                    LIST_CONTAINS(capability->roots, root))
                        return true;
        }

        return false;
}

/* Without these groups, or where there is no directory, there is nothing to open. */
static bool is_closed(const char *path, const Access *access, AclTree *ret_tree)
{
        const struct group *group = getgrnam(access->group);
        AclTree tree = { .write = access->write };

        if (!group)
                return false;

        tree.group = group->gr_gid;
        *ret_tree = tree;
        return acl_tree_is_open(path, &tree) == 0;
}

static int open_directory(const Join *join, const char *path, AclTree *tree)
{
        int r = acl_tree_open_way(path, tree);

        if (r == 0)
                r = acl_tree_apply(path, tree);
        if (r == -ENOMEM)
                return r;

        return r < 0 ? progress_line(&join->progress, "", "cannot open it: %s", strerror(-r))
                     : progress_line(&join->progress, "", "open for devbox; files and directories: %zu",
                                     tree->n_changed);
}

static int offer(const Join *join, const char *path, const Access *access, AclTree *tree)
{
        const char *option = access->write ? "--write " : "";

        int r = progress_line(&join->progress, "Files", "%s is closed to devbox", path);
        if (r == 0 && !join->yes && !join->ctl->json)
                r = progress_ask(&join->progress, access->write ? "Open it to read and write, by ACLs?"
                                                                : "Open it to read, by ACLs?");
        if (r == 1)
                return open_directory(join, path, tree);

        return r < 0 && r != -ENOTTY
                       ? r
                       : progress_line(&join->progress, "", "to open it: devboxctl device grant %s%s",
                                       option, path);
}

static int report_missing(const Join *join, const char *path, const Access *access)
{
        return progress_line(&join->progress, "Files",
                             "%s does not exist: make it; then devboxctl device grant %s%s", path,
                             access->write ? "--write " : "", path);
}

int join_files(Join *join)
{
        static const Access accesses[] = { { "devbox-read", false }, { "devbox-write", true } };
        const Manifest *manifest = join->manifest;
        int r = 0;

        for (size_t i = 0; manifest && i < manifest->roots.n; i++)
                for (size_t j = 0; j < ELEMENTSOF(accesses) && r == 0; j++) {
                        const PathRoot *root = &manifest->roots.items[i];
                        AclTree tree;

                        if (!is_needed(manifest, root->name, accesses[j].write))
                                continue;
                        if (access(root->path, F_OK) < 0 && errno == ENOENT)
                                r = report_missing(join, root->path, &accesses[j]);
                        else if (is_closed(root->path, &accesses[j], &tree))
                                r = offer(join, root->path, &accesses[j], &tree);
                }

        return r;
}
