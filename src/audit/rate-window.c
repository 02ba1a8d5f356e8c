/* SPDX-License-Identifier: MIT */
/* The times of the last acceptances under one capability. */

#include "audit/rate-window.h"

int rate_window_init(RateWindow *window, size_t n)
{
        assert(n > 0);

        *window = (RateWindow){ .times = calloc(n, sizeof *window->times), .n = n };
        return window->times ? 0 : -ENOMEM;
}

void rate_window_done(RateWindow *window)
{
        free(window->times);
        *window = (RateWindow){ 0 };
}

bool rate_window_is_full(const RateWindow *window, uint64_t since_ms)
{
        if (window->next < window->n)
                return false;

        for (size_t i = 0; i < window->n; i++)
                if (window->times[i] < since_ms)
                        return false;

        return true;
}

void rate_window_add(RateWindow *window, uint64_t time_ms)
{
        window->times[window->next++ % window->n] = time_ms;
}
