/* SPDX-License-Identifier: MIT */
/* At most so many events per interval. */

#include "basic/ratelimit.h"

#include "basic/macro.h"

bool ratelimit_pass(RateLimit *limit, usec_t now_usec, unsigned *ret_suppressed)
{
        if (limit->passed == 0 || now_usec - limit->began_at_usec >= limit->interval_usec) {
                limit->began_at_usec = now_usec;
                limit->passed = 0;
        }

        if (limit->passed >= limit->burst) {
                limit->suppressed++;
                return false;
        }

        limit->passed++;
        *ret_suppressed = TAKE(limit->suppressed, 0);
        return true;
}
