/* SPDX-License-Identifier: MIT */
#pragma once

/* The two halves of judging a request. */

#include "proto/accept.h"

static inline uint64_t skew_ms(const AcceptDevice *device)
{
        return (uint64_t) device->manifest->limits.skew_s * 1000;
}

/* The last step: whether those who must have approved exactly this request. Returns like accept_request().
 */
int accept_approvals(const AcceptDevice *device, const AcceptLedger *ledger, const AcceptInput *input,
                     AcceptVerdict *verdict);
