/* SPDX-License-Identifier: MIT */
#pragma once

/* A request that is followed: what it prints, as it is made, and how it ends. Functions return 0, or a
 * DevboxError with its detail in `ctl->problem`. Errors: -ENOMEM, those of reading and writing. */

#include <cjson/cJSON.h>

#include "basic/text.h"
#include "ctl/run/requests-client.h"
#include "ctl/verb.h"
#include "proto/id.h"

/* Exit statuses beside the program's own: what devboxctl-run(1) promises. */
enum {
        STATUS_UNREACHABLE = 69,
        STATUS_INTERRUPTED = 70,
        STATUS_REJECTED = 77,
        STATUS_TIMEOUT = 124,
        STATUS_CANCELLED = 130,
};

/* How a request ended; texts are borrowed from the tree. */
typedef struct RunEnd {
        cJSON *tree;
        const char *state, *message;
        int exit_code, exit_signal;    /* -1, 0: none */
        uint64_t n_received, n_output; /* bytes of both streams: here, and on the device */
        Text streams[2];               /* standard output and error, where they are kept */
} RunEnd;

#define RUN_END_NULL ((RunEnd){ .exit_code = -1 })

void run_end_done(RunEnd *end);

/* Submits it. Closing the descriptor cancels the request. */
int run_start(Ctl *ctl, RunCall *call, int *ret_fd, char ret_id[static ULID_SIZE]);

/* Passes the output on, or keeps it, until the request ends. `ret_end` is RUN_END_NULL. */
int run_follow(Ctl *ctl, int fd, bool keep, RunEnd *ret_end);

int run_exit_status(const RunEnd *end);
