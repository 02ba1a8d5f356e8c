/* SPDX-License-Identifier: MIT */
#pragma once

/* Memory and swap. */

#include "sample/sample.h"

/* Fills `memory_*` and `swap_*` from /proc/meminfo. **Source**: proc(5); kB there are KiB. Kernels
 * before 3.14 tell no MemAvailable: then it is what free(1) added up in their days, MemFree + Buffers +
 * Cached. No swap lines: 0. Errors: -EBADMSG MemTotal, or what available is made of, is missing, cut off or
 * no number. */
int meminfo_parse(const char *text, SystemSample *sample);
