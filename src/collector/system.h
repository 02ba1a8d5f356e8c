/* SPDX-License-Identifier: MIT */
#pragma once

/* Reads the whole state of the machine, from a /proc that is given as a directory. */

#include "sample/sample.h"

typedef struct System System;

/* Takes the descriptor over, also on failure. */
int system_new(int take_proc_fd, System **ret_system);
System *system_free(System *system);
DEFINE_CLEANUP(System, system_free);

/* CPU time only: what the sampler needs each second. Errors: as system_read(). */
int system_read_cpu(System *system, usec_t ret_cpu_usec[static _CPU_MODE_MAX]);

/* The configured paths, which must live until they are set anew. */
void system_set_disks(System *system, char *const *disks, size_t n_disks);

/* Everything but `cpu_percent`; the caller frees the sample. Network figures and pressure are left out where
 * the kernel has none, disks as disk_read() says: each reason is logged when it is new. Errors: -EBADMSG,
 * -EFBIG or what openat(2) says for /proc/stat, /proc/meminfo or /proc/loadavg; -ENOMEM. */
int system_read(System *system, SystemSample *ret_sample);

/* The file whose failure system_read() returned last. */
const char *system_failed_path(const System *system);
