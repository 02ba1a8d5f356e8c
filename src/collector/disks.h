/* SPDX-License-Identifier: MIT */
#pragma once

/* The file systems of collector.disks. Nothing here waits for one: they are read in threads, and what has
 * not answered within the deadline is left out until it does. A path has one thread at most, and all paths
 * together SAMPLE_DISKS_MAX, so that mounts that hang cannot pile threads up. */

#include <systemd/sd-event.h>

#include "sample/sample.h"

typedef struct Disks Disks;

typedef enum DisksAnswer {
        DISKS_READY,
        DISKS_WAIT, /* they are being read: on_refreshed() will be called */
} DisksAnswer;

typedef struct DisksOptions {
        usec_t deadline_usec, fresh_usec;  /* 0: 250 ms, 100 ms */
        void (*on_refreshed)(void *owner); /* also when one that hung has answered */
        void *owner;
} DisksOptions;

/* `take_proc_fd` is /proc, for self/mountinfo; its ownership is taken, also on failure. */
int disks_new(sd_event *event, int take_proc_fd, const DisksOptions *options, Disks **ret_disks);

/* A thread that hangs is left behind with its memory. */
Disks *disks_free(Disks *disks);
DEFINE_CLEANUP(Disks, disks_free);

/* The configured paths, absolute; borrowed until the next call. Errors: -ENOMEM. */
int disks_set_paths(Disks *disks, char *const *paths, size_t n_paths);

/* Reads them again unless the figures are fresh. Returns a DisksAnswer. Errors: those of sd-event. */
int disks_request(Disks *disks);

/* Appends one for each path, in their order; one without figures has a `problem`. Errors: -ENOMEM. */
int disks_append(const Disks *disks, SystemSample *sample);

/* Whether all have figures. */
bool disks_are_complete(const Disks *disks);

/* How many threads have missed their deadline and still wait. */
size_t disks_hung(const Disks *disks);
