/* SPDX-License-Identifier: MIT */
#pragma once

/* When the machine was booted: one value until the clock is set. Not the difference of two clocks, which
 * are read one after the other and so differ by another microsecond each time. */

#include <stdbool.h>

#include "basic/time.h"

typedef struct BootTime {
        usec_t at_usec;    /* CLOCK_REALTIME */
        usec_t clock_usec; /* the difference of CLOCK_REALTIME and CLOCK_BOOTTIME when it was read */
} BootTime;

/* Whether /proc/stat must be read again: never read, or the clock was set since then, by a second or more.
 */
bool boot_time_is_stale(const BootTime *boot_time, usec_t realtime_usec, usec_t boottime_usec);

/* Reads the line `btime` of /proc/stat. **Source**: proc(5), whole seconds. Errors: -EBADMSG no such line;
 * the last value is then kept. */
int boot_time_parse(BootTime *boot_time, const char *text, usec_t realtime_usec, usec_t boottime_usec);
