/* SPDX-License-Identifier: MIT */
#pragma once

/* What may be used once: ids and nonces of requests, and approvals. Remembered for as long as a ledger does,
 * by the time that the chain itself tells, and a request until it has ended. */

#include "crypto/sha256.h"
#include "crypto/siphash.h"
#include "trust/request.h"

/* What the requests that a ledger remembers can use: an id, a nonce and four approvals each. */
#define REPLAY_CACHE_MAX ((size_t) 6 * REQUESTS_MAX)

typedef enum AuditStage { STAGE_USED, STAGE_ACCEPTED, STAGE_STARTED } AuditStage;

typedef struct AuditUsed {
        Sha256 key; /* the thing itself, if it is shorter then with zeros behind it */
        Sha256 digest;
        AuditStage stage;        /* of a request: USED once it has ended */
        uint64_t start_until_ms; /* of a request that was judged again: beyond, it may not start; else 0 */
        uint64_t until_ms;       /* it is remembered */
        struct AuditUsed *next;  /* of the same place in the table */
} AuditUsed;

typedef struct ReplayCache {
        AuditUsed **table; /* by key; chained */
        AuditUsed **heap;  /* those that are to be forgotten, the first of them first */
        size_t n, n_heap;
        size_t room; /* of either; a power of two */
        SipKey secret;
} ReplayCache;

#define REPLAY_CACHE_NULL ((ReplayCache){ NULL })

void replay_cache_done(ReplayCache *once);

/* NULL: it was never used, or that is long over. */
AuditUsed *replay_cache_find(const ReplayCache *once, Bytes key);

/* Remembers a key that was not there. Errors: -ENOMEM; -ENOBUFS that is more than a ledger does. */
int replay_cache_use(ReplayCache *once, Bytes key, uint64_t time_ms);

/* The same for the id of a request, which is accepted now; it is remembered at least until it ends. */
int replay_cache_open(ReplayCache *once, Bytes key, uint64_t time_ms, AuditUsed **ret_request);
void replay_cache_end(ReplayCache *once, AuditUsed *request);

/* What was over at this time, at which a ledger acted. */
void replay_cache_forget(ReplayCache *once, uint64_t time_ms);
