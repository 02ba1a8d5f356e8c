/* SPDX-License-Identifier: MIT */
#pragma once

/* Memory and swap. */

#include "sample/sample.h"

/* Fills `memory_*` and `swap_*` from /proc/meminfo. **Source**: proc(5); kB is KiB. Kernels before
 * 3.14 have no MemAvailable: it is then MemFree + Buffers + Cached, as free(1) computed it. No swap lines:
 * 0. Errors: -EBADMSG MemTotal, or a line that available is made of, is missing, truncated or not a number.
 */
int meminfo_parse(const char *text, SystemSample *sample);
