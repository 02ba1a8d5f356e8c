/* SPDX-License-Identifier: MIT */
#pragma once

/* Files below a declared root: resolved by the kernel, so that no "..", symbolic link or magic link, planted
 * at any time, leads out. Source: openat2(2). */

#include <fcntl.h>

#include "basic/macro.h"

/* All return a descriptor. Errors: -ELOOP the path leads through a symbolic link or out of the root, which
 * is DEVBOX_ERROR_PATH_DENIED; others of openat2(2): -ENOENT, -EACCES, -ENOTDIR.
 *
 * Opens the directory of a root by its absolute path. */
int beneath_open_root(const char *path);

/* Opens the relative `path` below the root; NULL or "": the root itself. */
int beneath_open(int root_fd, const char *path, int flags);

/* Opens the directory that holds `path` and gives its last component, which points into `path`. */
int beneath_open_parent(int root_fd, const char *path, const char **ret_name);
