/* SPDX-License-Identifier: MIT */
/* Access of a group to a tree, by access control lists. */

#include "ctl/device/acl-tree.h"

#include <acl/libacl.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/acl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "basic/fd.h"

#define DEPTH_MAX 64

static void acl_freep(acl_t *acl)
{
        (void) acl_free(*acl);
}

/* ---- one list */

/* Returns 1 with the entry of the group, or 0. */
static int find_entry(acl_t acl, gid_t group, acl_entry_t *ret_entry)
{
        int r = acl_get_entry(acl, ACL_FIRST_ENTRY, ret_entry);

        for (; r > 0; r = acl_get_entry(acl, ACL_NEXT_ENTRY, ret_entry)) {
                acl_tag_t tag;

                if (acl_get_tag_type(*ret_entry, &tag) < 0)
                        return -errno;
                if (tag != ACL_GROUP)
                        continue;

                gid_t *qualifier = acl_get_qualifier(*ret_entry);
                bool same = qualifier && *qualifier == group;
                (void) acl_free(qualifier);
                if (same)
                        return 1;
        }

        return r < 0 ? -errno : 0;
}

static int add_entry(acl_t *acl, gid_t group, acl_entry_t *ret_entry)
{
        return acl_create_entry(acl, ret_entry) < 0 || acl_set_tag_type(*ret_entry, ACL_GROUP) < 0 ||
                               acl_set_qualifier(*ret_entry, &group) < 0
                       ? -errno
                       : 0;
}

/* `permissions` of ACL_READ, ACL_WRITE and ACL_EXECUTE; 0 removes the entry. */
static int set_permissions(acl_t *acl, gid_t group, unsigned permissions)
{
        static const acl_perm_t all[] = { ACL_READ, ACL_WRITE, ACL_EXECUTE };
        acl_permset_t set;
        acl_entry_t entry;

        int r = find_entry(*acl, group, &entry);
        if (r < 0)
                return r;
        if (permissions == 0)
                return r == 0 ? 0 : acl_delete_entry(*acl, entry) < 0 || acl_calc_mask(acl) < 0 ? -errno : 0;
        if (r == 0)
                r = add_entry(acl, group, &entry);
        if (r < 0)
                return r;

        if (acl_get_permset(entry, &set) < 0 || acl_clear_perms(set) < 0)
                return -errno;
        for (size_t i = 0; i < ELEMENTSOF(all); i++)
                if (permissions & all[i] && acl_add_perm(set, all[i]) < 0)
                        return -errno;

        return acl_calc_mask(acl) < 0 ? -errno : 0;
}

/* ---- one file */

/* What is made in the directory later: as the directory itself, if it has no list for that yet. */
static int change_default(int fd, const AclTree *tree, unsigned permissions, acl_t access)
{
        char path[64];

        (void) snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        _cleanup_(acl_freep) acl_t list = acl_get_file(path, ACL_TYPE_DEFAULT);
        if (!list)
                return -errno;
        if (acl_entries(list) == 0 && permissions == 0)
                return 0;
        if (acl_entries(list) == 0) {
                (void) acl_free(list);
                list = acl_dup(access);
                if (!list)
                        return -errno;
        }

        int r = set_permissions(&list, tree->group, permissions);
        return r < 0 ? r : acl_set_file(path, ACL_TYPE_DEFAULT, list) < 0 ? -errno : 0;
}

static int change(int fd, const AclTree *tree, bool directory)
{
        unsigned permissions =
                tree->revoke ? 0 : ACL_READ | (tree->write ? ACL_WRITE : 0) | (directory ? ACL_EXECUTE : 0);
        _cleanup_(acl_freep) acl_t list = acl_get_fd(fd);

        if (!list)
                return -errno;
        int r = set_permissions(&list, tree->group, permissions);
        if (r < 0)
                return r;
        if (acl_set_fd(fd, list) < 0)
                return -errno;

        return directory ? change_default(fd, tree, permissions, list) : 0;
}

/* ---- the tree */

typedef struct Walk {
        AclTree *tree;
        struct stat top;
        unsigned depth;
} Walk;

static int walk_directory(Walk *walk, int take_fd);

/* A name that vanished, or is not a file any more, is of an owner who works there. */
static int walk_entry(Walk *walk, int directory, const char *name)
{
        _cleanup_(fd_closep) int fd = -EBADF;
        struct stat found;

        if (fstatat(directory, name, &found, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT ? 0 : -errno;
        if (!S_ISREG(found.st_mode) && !S_ISDIR(found.st_mode))
                return 0;

        fd = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (fd < 0)
                return errno == ENOENT || errno == ELOOP ? 0 : -errno;
        if (fstat(fd, &found) < 0)
                return -errno;
        if (found.st_uid != walk->top.st_uid || found.st_dev != walk->top.st_dev ||
            !(S_ISREG(found.st_mode) || S_ISDIR(found.st_mode))) {
                walk->tree->n_skipped++;
                return 0;
        }

        int r = change(fd, walk->tree, S_ISDIR(found.st_mode));
        if (r < 0)
                return r;
        walk->tree->n_changed++;
        return S_ISDIR(found.st_mode) ? walk_directory(walk, TAKE_FD(fd)) : 0;
}

static int walk_directory(Walk *walk, int take_fd)
{
        DIR *directory = fdopendir(take_fd);
        int r = 0;

        if (!directory) {
                r = -errno;
                (void) close(take_fd);
                return r;
        }
        if (++walk->depth > DEPTH_MAX)
                r = -ENAMETOOLONG;
        for (const struct dirent *entry; r == 0 && (entry = readdir(directory));)
                if (!streq(entry->d_name, ".") && !streq(entry->d_name, ".."))
                        r = walk_entry(walk, dirfd(directory), entry->d_name);

        walk->depth--;
        (void) closedir(directory);
        return r;
}

int acl_tree_apply(const char *path, AclTree *tree)
{
        _cleanup_(fd_closep) int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        Walk walk = { .tree = tree };

        if (fd < 0 || fstat(fd, &walk.top) < 0)
                return -errno;
        int r = change(fd, tree, true);
        if (r < 0)
                return r;

        tree->n_changed++;
        return walk_directory(&walk, TAKE_FD(fd));
}

int acl_tree_is_open(const char *path, const AclTree *tree)
{
        unsigned needed = ACL_READ | ACL_EXECUTE | (tree->write ? ACL_WRITE : 0);
        _cleanup_(acl_freep) acl_t list = acl_get_file(path, ACL_TYPE_ACCESS);
        acl_permset_t set;
        acl_entry_t entry;
        struct stat found;

        if (!list || stat(path, &found) < 0)
                return -errno;
        if ((found.st_mode & needed) == needed) /* of others: the same bits */
                return 1;

        int r = find_entry(list, tree->group, &entry);
        if (r <= 0)
                return r;
        if (acl_get_permset(entry, &set) < 0)
                return -errno;

        return acl_get_perm(set, ACL_READ) > 0 && (!tree->write || acl_get_perm(set, ACL_WRITE) > 0);
}

int acl_tree_open_way(const char *path, AclTree *tree)
{
        _cleanup_(freep) char *above = strdup(path);

        if (!above)
                return -ENOMEM;
        for (char *slash = strrchr(above, '/'); slash && slash > above; slash = strrchr(above, '/')) {
                struct stat found;

                *slash = '\0';
                _cleanup_(fd_closep) int fd = open(above, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                if (fd < 0 || fstat(fd, &found) < 0)
                        return -errno;
                if (found.st_mode & S_IXOTH)
                        continue;

                _cleanup_(acl_freep) acl_t list = acl_get_fd(fd);
                int r = list ? set_permissions(&list, tree->group, ACL_EXECUTE) : -errno;
                if (r == 0 && acl_set_fd(fd, list) < 0)
                        r = -errno;
                if (r < 0)
                        return r;
                tree->n_changed++;
        }

        return 0;
}
