/* SPDX-License-Identifier: MIT */
#pragma once

/* How full file systems are. */

#include "sample/sample.h"

/* Why a path was left out: 0 is not left out. */
typedef enum DiskOutcome {
        DISK_OK,
        DISK_REMOTE,  /* on a network, FUSE or autofs mount: one that is dead would hang the collector */
        DISK_SYMLINK, /* a part of it is a symbolic link, or "." or "..": nobody can say without walking it
                         where it leads, and walking may hang */
        DISK_ABSENT,  /* not there, or not to be asked */
} DiskOutcome;

/* Asks the file system of `path` (absolute) and appends it to `disks`. `mountinfo` is the text of
 * /proc/self/mountinfo. "/" is always asked: when it does not answer, nothing does. **Source**: statvfs(3);
 * blocks count in f_frsize. Returns a DiskOutcome. Errors: -ENOMEM. */
int disk_read(const char *mountinfo, const char *path, SystemSample *sample);
