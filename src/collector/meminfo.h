/* SPDX-License-Identifier: MIT */
#pragma once

/* Memory and swap. */

#include "sample/sample.h"

/* Fills `memory_*` and `swap_*` from /proc/meminfo. **Source**: proc(5); kB is KiB. Kernels before 3.14 have
 * no MemAvailable: it is then MemFree + Buffers + Cached, as free(1) computed it. Without swap lines swap is
 * 0. Errors: -EBADMSG a line is missing, truncated, absurd or not a number; its figure is then unknown, and
 * the others are filled. */
int meminfo_parse(const char *text, SystemSample *sample);
