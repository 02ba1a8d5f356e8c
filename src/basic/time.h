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

/* A deadline is a point of CLOCK_MONOTONIC: that of `after_usec` from now (USEC_INFINITY: never), and how
 * long it is until then; 0 once it has passed. */
usec_t deadline_after(usec_t after_usec);
usec_t deadline_left(usec_t deadline_usec);
