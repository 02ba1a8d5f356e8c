/* SPDX-License-Identifier: MIT */
#pragma once

/* The body of Ledger, for ledger.c, enroll.c, request-accept.c, request-lifecycle.c and witness.c. */

#include "audit/evidence.h"
#include "basic/ratelimit.h"
#include "ledger/ledger.h"
#include "ledger/policy.h"
#include "ledger/runs.h"
#include "ledger/tally.h"

typedef struct Session {
        bool begun;
        uint8_t nonce[SESSION_NONCE_SIZE];
        DeliveryCounters counters;
} Session;

struct Ledger {
        LedgerOptions options; /* without its strings */
        char *ceiling_path;
        int directory_fd; /* also holds the lock */
        char boot_id[33];

        KeyPair *identity;
        PublicKey device_key; /* of the chain; if it is not ours: see enroll.c */
        Database *database;
        Chain chain;
        Requests requests;
        Runs runs;
        Policy policy;
        Tally tally;
        RateLimit denials;  /* entries for denials per minute */
        RateLimit sessions; /* likewise for sessions */

        Session session;                         /* not stored: a restored backup ends it */
        uint64_t time_floor_ms, issued_floor_ms; /* as in trust/accept.h */
        uint64_t flushed_size;                   /* of the chain at the last checkpoint */
};

static inline LedgerTime ledger_time(const Ledger *ledger)
{
        return ledger->options.time(ledger->options.owner);
}

/* What the trust library decides by. Borrows from the ledger. */
AcceptDevice ledger_accept_device(const Ledger *ledger, LedgerTime time);

/* Whether less is free than LEDGER_RESERVE_BYTES, which is for requests in progress. */
bool ledger_disk_is_full(const Ledger *ledger);

/* Beyond the rules of the trust library: DEVBOX_ERROR_MANIFEST_CEILING the ceiling was lowered; -ENOSPC too
 * little disk to record what happens. */
int ledger_check_limits(const Ledger *ledger);

/* The time that expiry is checked against: never before the time floor. */
static inline uint64_t ledger_effective_now_ms(const Ledger *ledger, uint64_t now_ms)
{
        return MAX(now_ms, ledger->time_floor_ms);
}

/* Whether the key of the chain is ours: otherwise nothing may be signed. */
static inline bool ledger_key_fits(const Ledger *ledger)
{
        return public_key_equal(&ledger->device_key, key_pair_public(ledger->identity));
}

/* Fills in device, boot id and the position of the entry, and signs.
 * `ret_envelope` is the caller's. Errors: DEVBOX_ERROR_BAD_SCHEMA, -ENOMEM. */
int ledger_sign_result(const Ledger *ledger, Result *result, uint64_t seq, char **ret_envelope);

/* The checkpoint of the first `size` entries, signed. */
int ledger_sign_checkpoint(Ledger *ledger, uint64_t size, char **ret_envelope);

/* Ends requests that a crash interrupted. */
int ledger_recover(Ledger *ledger);

/* Adds an entry for the rejection of an authenticated document, or counts it beyond the rate limit. */
int ledger_log_rejection(Ledger *ledger, const Envelope *envelope, int error, const char *subject);
