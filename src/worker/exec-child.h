/* SPDX-License-Identifier: MIT */
#pragma once

/* Starts the program of a request as a child of the worker: the only place in devbox that forks. */

#include "worker/job.h"
#include "worker/landlock.h"

typedef struct ExecChild {
        const Job *job;
        int program_fd;
        const LandlockRules *rules; /* its fd is -EBADF: none */
} ExecChild;

/* Returns once the program has been executed, not only forked. The caller waits for the child and closes the
 * reading ends of its output, which do not block. Errors: those of fork(2) and execveat(2), and of what the
 * child does before. */
int exec_child_start(const ExecChild *child, pid_t *ret_pid, int ret_stream_fds[static _OUTPUT_STREAM_MAX]);
