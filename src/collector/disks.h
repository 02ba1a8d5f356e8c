/* SPDX-License-Identifier: MIT */
#pragma once

/* Sizes and free space of file systems. */

#include "sample/sample.h"

/* Why a path is left out of the sample. */
typedef enum DiskOutcome {
        DISK_OK,
        DISK_REMOTE, /* on a network, FUSE or autofs mount: without its server it would hang the collector */
        DISK_SYMLINK, /* a component is a symbolic link, "." or "..": resolving it may hang */
        DISK_ABSENT,  /* does not exist, or statvfs(3) failed */
} DiskOutcome;

/* Reads the file system of `path` (absolute) and appends it to `disks`. `mountinfo` is the text of
 * /proc/self/mountinfo. "/" is always read: the collector itself runs from it. **Source**: statvfs(3);
 * blocks are of f_frsize bytes. Returns a DiskOutcome. Errors: -ENOMEM. */
int disk_read(const char *mountinfo, const char *path, SystemSample *sample);
