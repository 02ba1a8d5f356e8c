/* SPDX-License-Identifier: MIT */
#pragma once

/* The resource usage of this process. */

#include "basic/macro.h"
#include "basic/time.h"

typedef struct ProcessSample {
        usec_t cpu_usec;                        /* user and system: getrusage(2) */
        uint64_t resident_bytes, virtual_bytes; /* /proc/self/statm, proc(5) */
        uint64_t open_fds, max_fds;             /* /proc/self/fd; the soft limit of /proc/self/limits */
} ProcessSample;

/* `proc_fd` is /proc. Errors: those of openat(2); -EBADMSG a file is not in its format. */
int process_sample_read(int proc_fd, ProcessSample *ret_sample);
