/* SPDX-License-Identifier: MIT */
#pragma once

/* Finds the mount of a path by parsing /proc/self/mountinfo, without access to the file system itself, which
 * may hang. */

#include "basic/macro.h"

typedef enum MountKind {
        MOUNT_LOCAL,
        MOUNT_REMOTE,  /* statvfs(3) may wait for another machine or process: network, FUSE, autofs */
        MOUNT_UNKNOWN, /* not under any mount point */
} MountKind;

/* The kind of the mount that `path` (absolute, without "." and "..") is on. `text` is that of
 * /proc/self/mountinfo.
 * **Source**: proc(5); the mount point is the fifth field with \ooo for blanks, the type follows " - ".
 * Of mounts on one mount point the last counts. Symbolic links are not followed. */
MountKind mounts_find_kind(const char *text, const char *path);
