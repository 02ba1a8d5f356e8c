/* SPDX-License-Identifier: MIT */
#pragma once

/* The two halves of judging a request. */

#include "trust/accept.h"

static inline uint64_t skew_ms(const AcceptDevice *device)
{
        return (uint64_t) device->manifest->limits.skew_s * 1000;
}

/* The time that everything which ends is held against: a clock that was set back revives nothing. */
static inline uint64_t effective_now_ms(const AcceptDevice *device)
{
        return MAX(device->now_ms, device->time_floor_ms);
}

/* The last step: whether those who must have approved exactly this request. Returns like accept_request().
 */
int accept_approvals(const AcceptDevice *device, const AcceptLedger *ledger, const AcceptInput *input,
                     AcceptVerdict *verdict);
