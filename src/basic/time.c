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
