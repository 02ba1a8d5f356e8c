/* SPDX-License-Identifier: MIT */
#pragma once

/* Reads a system sample from /proc, which is given as a directory. */

#include "sample/sample.h"

typedef struct System System;

/* Takes ownership of the descriptor, also on failure. */
int system_new(int take_proc_fd, System **ret_system);
System *system_free(System *system);
DEFINE_CLEANUP(System, system_free);

/* Only the CPU times, which the sampler needs each second. Errors: those of openat(2) and pread(2);
 * -EBADMSG. */
int system_read_cpu(System *system, usec_t ret_cpu_usec[static _CPU_MODE_MAX]);

/* Everything but `cpu_percent` and the disks; the caller frees the sample. What a file does not have, or has
 * in another format, stays unknown; that is logged when it changes. Returns how many files could not be read
 * completely; pressure of a kernel without it does not count. Errors: -EIO none of /proc/stat, /proc/meminfo
 * and /proc/loadavg could be read. */
int system_read(System *system, SystemSample *ret_sample);
