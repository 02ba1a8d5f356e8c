/* SPDX-License-Identifier: MIT */
#pragma once

/* What the files of this folder share. Every function here runs inside the caller's transaction, and keeps
 * nothing in memory that a rollback would have to undo.
 *
 * Errors of all functions here: those of store/database.h and -ENOMEM, which end the transaction. Invalid
 * input from outside is no error: it is ignored, as each function documents. */

#include "e2ee/e2ee.h"
#include "e2ee/json.h"
#include "e2ee/ratchet.h"
#include "store/query.h"

#define ALGORITHM_OLM    "m.olm.v1.curve25519-aes-sha2"
#define ALGORITHM_MEGOLM "m.megolm.v1.aes-sha2"

#define MS_PER_SECOND INT64_C(1000)
#define MS_PER_HOUR   (3600 * MS_PER_SECOND)

/* Inbound Megolm sessions by the pickles that they were loaded from: one whose row was changed or rolled
 * back is not found. They have no state that could be used twice; only the way to a later message gets
 * shorter. */
typedef struct InboundCache {
        struct {
                char *pickle;
                RatchetInbound *session;
        } slots[16];
        size_t next; /* the slot that is taken next */
} InboundCache;

struct E2ee {
        Database *database; /* borrowed, as the key */
        const Secret *pickle_key;
        char *user_id, *device_id;
        char curve25519[CURVE25519_TEXT_SIZE], ed25519[ED25519_TEXT_SIZE];
        E2eeClock *now_ms;
        void *userdata;
        bool pinned_only;
        void (*on_skipped)(const E2eeGuarded *guarded, int error, void *userdata);
        int mark_fd; /* quarantine.c */
        InboundCache inbound_cache;
        char *device_keys; /* our own, with both signatures, once they can no longer change */
};

static inline int64_t e2ee_now(const E2ee *e2ee)
{
        return e2ee->now_ms(e2ee->userdata);
}

/* quarantine.c: opens the mark; counts, inside a transaction, the death that an earlier process left there;
 * and clears it, after the commit. Errors: also those of open(2), pread(2) and pwrite(2). */
int quarantine_open(E2ee *e2ee);
int quarantine_count_death(E2ee *e2ee);
int quarantine_death_counted(E2ee *e2ee);

/* Invalid input, which is ignored, as opposed to an error of ours. */
static inline bool is_refusal(int r)
{
        return r > 0 || r == -EBADMSG || r == -ENOKEY || r == -EFBIG;
}

/* A pickle that cannot be loaded is a damaged store, not a bad message. */
static inline int pickle_error(int r)
{
        return r == -EBADMSG ? -EIO : r;
}
