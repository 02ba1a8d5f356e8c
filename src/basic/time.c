/* SPDX-License-Identifier: MIT */
/* The clock, in microseconds. */

#include "basic/time.h"

#include "basic/macro.h"

usec_t time_now(clockid_t clock)
{
        struct timespec now;

        int r = clock_gettime(clock, &now);
        assert(r == 0);
        (void) r;

        return (usec_t) now.tv_sec * USEC_PER_SEC + (usec_t) now.tv_nsec / 1000;
}

usec_t deadline_after(usec_t after_usec)
{
        usec_t now_usec = time_now(CLOCK_MONOTONIC);

        return after_usec < USEC_INFINITY - now_usec ? now_usec + after_usec : USEC_INFINITY;
}

usec_t deadline_left(usec_t deadline_usec)
{
        usec_t now_usec = time_now(CLOCK_MONOTONIC);

        if (deadline_usec == USEC_INFINITY)
                return USEC_INFINITY;

        return deadline_usec > now_usec ? deadline_usec - now_usec : 0;
}
