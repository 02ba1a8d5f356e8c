/* SPDX-License-Identifier: MIT */
#pragma once

/* Reads the size of one file system in a thread of its own. The walk to a path and statvfs(3) wait as long
 * as the file systems on the way do: for ever, if the server of one does not answer, and then no signal ends
 * the wait. */

#include "sample/sample.h"

/* Why a disk has no figures. */
typedef enum DiskOutcome {
        DISK_OK,
        DISK_REMOTE,  /* on a network, FUSE or autofs mount: not tried */
        DISK_SYMLINK, /* a component is a symbolic link, "." or ".." */
        DISK_ABSENT,  /* does not exist, or cannot be read */
        DISK_TIMEOUT, /* no answer within the deadline */
        _DISK_OUTCOME_MAX,
} DiskOutcome;

typedef struct DiskProbe DiskProbe;

struct DiskProbe {
        DiskProbe *next; /* both for the owner */
        bool hung;

        char *path;
        int notify_fd;
        bool done; /* set last by the thread, which then owns nothing of this any more */
        DiskOutcome outcome;
        uint64_t total_bytes, free_bytes, available_bytes;
};

/* Starts a thread that reads the file system of `path` without following symbolic links, and then adds 1 to
 * the eventfd `notify_fd`. **Source**: statvfs(3); blocks are of f_frsize bytes. Errors: -ENOMEM; -EAGAIN
 * too many threads. */
int disk_probe_start(const char *path, int notify_fd, DiskProbe **ret_probe);

/* Whether the thread has finished: `outcome` and the figures are valid, and the probe may be freed. */
bool disk_probe_is_done(const DiskProbe *probe);

DiskProbe *disk_probe_free(DiskProbe *probe);
DEFINE_CLEANUP(DiskProbe, disk_probe_free);
