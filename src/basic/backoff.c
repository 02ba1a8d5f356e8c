/* SPDX-License-Identifier: MIT */
/* Delays between attempts. */

#include "basic/backoff.h"

#include "basic/macro.h"

usec_t backoff_next(Backoff *backoff)
{
        usec_t delay_usec = MAX(backoff->next_usec, backoff->min_usec);

        backoff->next_usec = delay_usec > backoff->max_usec / 2 ? backoff->max_usec : delay_usec * 2;
        return delay_usec;
}

void backoff_reset(Backoff *backoff)
{
        backoff->next_usec = 0;
}
