/* SPDX-License-Identifier: MIT */
#pragma once

/* Reads a system sample from /proc, which is given as a directory. */

#include "sample/sample.h"

typedef struct System System;

/* Takes ownership of the descriptor, also on failure. */
int system_new(int take_proc_fd, System **ret_system);
System *system_free(System *system);
DEFINE_CLEANUP(System, system_free);

/* Only the CPU times, which the sampler needs each second. Errors: as system_read(). */
int system_read_cpu(System *system, usec_t ret_cpu_usec[static _CPU_MODE_MAX]);

/* Everything but `cpu_percent` and the disks; the caller frees the sample. Network figures and pressure are
 * left out where the kernel has none. Errors: -EBADMSG, -EFBIG and those of openat(2) for /proc/stat,
 * /proc/meminfo or /proc/loadavg; -ENOMEM. */
int system_read(System *system, SystemSample *ret_sample);

/* The file of the last error of system_read(). */
const char *system_failed_path(const System *system);
