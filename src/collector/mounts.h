/* SPDX-License-Identifier: MIT */
#pragma once

/* Which file system a path is on, told from text alone, so that nothing is asked of a file system that may
 * be dead. */

#include "basic/macro.h"

typedef enum MountKind {
        MOUNT_LOCAL,
        MOUNT_REMOTE,  /* statvfs(3) may wait for another machine or process: network, FUSE, autofs */
        MOUNT_UNKNOWN, /* no mount point holds it */
} MountKind;

/* The kind of the mount that `path` (absolute, without "." and "..") is on. `text` is that of
 * /proc/self/mountinfo.
 * **Source**: proc(5); the mount point is the fifth field with \ooo for blanks, the type follows " - ". Of
 * mounts at one place the last counts. Symbolic links are not followed. */
MountKind mounts_find_kind(const char *text, const char *path);
