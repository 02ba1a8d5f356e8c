/* SPDX-License-Identifier: MIT */
#pragma once

/* Access of a group to a directory and all below it, by access control lists (acl(5)); what is made there
 * later has it, too. Only what belongs to the owner of the directory is changed, on its own file system, and
 * no symbolic link is followed: the owner may change the tree meanwhile. */

#include <sys/types.h>

#include "basic/macro.h"

typedef struct AclTree {
        gid_t group;
        bool write;  /* else read only */
        bool revoke; /* takes the access away */

        size_t n_changed, n_skipped; /* results */
} AclTree;

/* Errors: -ENOTDIR; -ELOOP a symbolic link; -EOPNOTSUPP the file system has no such lists; those of
 * openat(2), acl_set_fd(3); -ENAMETOOLONG more than 64 levels; -ENOMEM. Then a part may be done; the same
 * again does the rest. */
int acl_tree_apply(const char *path, AclTree *tree);

/* Whether the group, or every user, has that access to the directory itself: 1 or 0. Errors: those of
 * acl_get_file(3). */
int acl_tree_is_open(const char *path, const AclTree *tree);

/* Lets the group pass through the directories above, which it cannot list. */
int acl_tree_open_way(const char *path, AclTree *tree);
