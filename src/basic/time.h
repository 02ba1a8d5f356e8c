/* SPDX-License-Identifier: MIT */
#pragma once

/* Points in time and spans, always in microseconds, always 64 bits. Source: clock_gettime(2). */

#include <stdint.h>
#include <time.h>

typedef uint64_t usec_t;

#define USEC_PER_MSEC ((usec_t) 1000)
#define USEC_PER_SEC  ((usec_t) 1000000)
#define USEC_INFINITY UINT64_MAX

/* Never fails for the clocks of Linux >= 2.6.39: CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME. */
usec_t time_now(clockid_t clock);
