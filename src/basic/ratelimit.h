/* SPDX-License-Identifier: MIT */
#pragma once

/* At most `burst` events per `interval_usec`; the rest is counted, to be reported later. */

#include <stdbool.h>

#include "basic/time.h"

typedef struct RateLimit {
        usec_t interval_usec;
        unsigned burst;
        usec_t began_at_usec;
        unsigned passed;
        unsigned suppressed; /* since the last event that passed */
} RateLimit;

/* Whether the event may pass now. When it passes, `ret_suppressed` is how many did not since the last that
 * did. */
bool ratelimit_pass(RateLimit *limit, usec_t now_usec, unsigned *ret_suppressed);
