/* SPDX-License-Identifier: MIT */
#pragma once

/* What may be used once: ids and nonces of requests, and approvals. Remembered for as long as a ledger does,
 * by the time that the chain itself tells, and a request until it has ended. */

#include "crypto/sha256.h"
#include "proto/request.h"

typedef enum AuditStage { STAGE_USED, STAGE_ACCEPTED, STAGE_STARTED } AuditStage;

typedef struct AuditUsed {
        Sha256 key; /* the thing itself, if it is shorter then with zeros behind it */
        Sha256 digest;
        AuditStage stage; /* of a request: USED once it has ended */
        uint64_t until_ms;
        struct AuditUsed *next;
} AuditUsed;

typedef struct AuditOnce {
        void *tree;
        AuditUsed *oldest, *newest;
} AuditOnce;

#define AUDIT_ONCE_NULL ((AuditOnce){ NULL })

void audit_once_done(AuditOnce *once);

/* NULL: it was never used, or that is long over. */
AuditUsed *audit_once_find(const AuditOnce *once, Bytes key);

/* Remembers a key that was not there. Errors: -ENOMEM. */
int audit_once_use(AuditOnce *once, Bytes key, uint64_t time_ms, AuditUsed **ret_used);

void audit_once_forget(AuditOnce *once, uint64_t time_ms);
