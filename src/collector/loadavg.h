/* SPDX-License-Identifier: MIT */
#pragma once

/* The load averages. */

#include "sample/sample.h"

/* Fills `load_*` from /proc/loadavg. **Source**: proc(5). Errors: -EBADMSG fewer than three numbers. */
int loadavg_parse(const char *text, SystemSample *sample);
