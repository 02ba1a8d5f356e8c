/* SPDX-License-Identifier: MIT */
#pragma once

/* The times of the last acceptances under one capability, to judge its rate limit again. */

#include "basic/macro.h"

typedef struct RateWindow {
        uint64_t *times;
        size_t n, next; /* the limit; the next goes to times[next % n] */
} RateWindow;

/* Errors: -ENOMEM. */
int rate_window_init(RateWindow *window, size_t n);
void rate_window_done(RateWindow *window);

/* Whether the last `n` acceptances were all at this time or later. */
bool rate_window_is_full(const RateWindow *window, uint64_t since_ms);

void rate_window_add(RateWindow *window, uint64_t time_ms);
