/* SPDX-License-Identifier: MIT */
#pragma once

/* CPU time since boot, and the share of it that was used between two readings. */

#include "sample/sample.h"

/* Reads the first line of /proc/stat. **Source**: proc(5); columns in ticks of 1/`ticks_per_sec`
 * s (sysconf(3), _SC_CLK_TCK), all CPUs together; guest time is inside user and nice. Kernels before 2.6.11
 * have fewer columns: those are 0. Errors: -EBADMSG not a complete line of at least four columns. */
int cpu_parse(const char *text, uint64_t ticks_per_sec, usec_t ret_cpu_usec[static _CPU_MODE_MAX]);

/* 100 * (total - idle - iowait) / total of the differences, one decimal, as psutil has it: steal counts as
 * used. A counter that decreased (iowait does, and those of a CPU taken offline) counts as unchanged. 0 if
 * none changed. */
double cpu_percent(const usec_t before_usec[static _CPU_MODE_MAX],
                   const usec_t after_usec[static _CPU_MODE_MAX]);
