/* SPDX-License-Identifier: MIT */
#pragma once

/* What accept.c and accept-approval.c share. */

#include "trust/accept.h"

static inline uint64_t skew_ms(const AcceptDevice *device)
{
        return (uint64_t) device->manifest->limits.skew_s * 1000;
}

/* The time that expiry is checked against: setting the clock back makes nothing valid again. */
static inline uint64_t effective_now_ms(const AcceptDevice *device)
{
        return MAX(device->now_ms, device->time_floor_ms);
}

/* The last step: enough distinct approvals of exactly this request. Returns like accept_request(). */
int accept_approvals(const AcceptDevice *device, const AcceptLedger *ledger, const AcceptInput *input,
                     AcceptVerdict *verdict);
