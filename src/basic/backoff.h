/* SPDX-License-Identifier: MIT */
#pragma once

/* Delays between attempts: doubled after each failure up to a maximum, and back to the minimum after a
 * success. The owner calls backoff_reset() when the work succeeded, not when the next attempt begins.
 */

#include "basic/time.h"

typedef struct Backoff {
        usec_t min_usec, max_usec;
        usec_t next_usec; /* 0: the minimum */
} Backoff;

/* Returns the delay before the next attempt, and doubles it for the one after. */
usec_t backoff_next(Backoff *backoff);
void backoff_reset(Backoff *backoff);
