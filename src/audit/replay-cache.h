/* SPDX-License-Identifier: MIT */
#pragma once

/* A set of what may be used once: ids and nonces of requests, digests of approvals and requests. A member
 * expires at its own time, measured by the latest time that the chain has reached, but a request not before
 * it has ended. */

#include "crypto/sha256.h"
#include "crypto/siphash.h"
#include "proto/id.h"

typedef enum ReplayStage {
        REPLAY_FREE, /* an empty slot */
        REPLAY_USED,
        REPLAY_ACCEPTED, /* a request that has not ended */
        REPLAY_STARTED,
} ReplayStage;

typedef struct ReplayEntry {
        Sha256 key;                 /* shorter ones are padded with zeros */
        char request_id[ULID_SIZE]; /* of a request, whose key is its digest */
        uint64_t seq;               /* of its acceptance */
        ReplayStage stage;
        uint64_t until_ms;       /* expires after */
        size_t capability;       /* of a request: its index in the manifest, and one; 0: not known */
        uint64_t start_until_ms; /* of a request that was judged again: may not start after; 0: not known */
} ReplayEntry;

typedef struct ReplayCache {
        ReplayEntry *slots; /* open addressing, linear probing; nothing is removed but by rebuilding */
        size_t n, room;     /* room: a power of two */
        size_t max;         /* members that have not expired; 0: no limit */
        uint64_t now_ms;    /* never falls */
        SipKey secret;
} ReplayCache;

#define REPLAY_CACHE_NULL ((ReplayCache){ NULL })

void replay_cache_done(ReplayCache *cache);

/* NULL: not a member, or expired. Valid until the next replay_cache_add(). */
ReplayEntry *replay_cache_find(const ReplayCache *cache, Bytes key);

/* Adds a key that is not a member. `ret_entry` may be NULL. Errors: -ENOMEM; -ENOBUFS more than `max`
 * (noticed when the table has to grow). */
int replay_cache_add(ReplayCache *cache, Bytes key, uint64_t until_ms, ReplayEntry **ret_entry);

/* The time of the chain. */
void replay_cache_advance(ReplayCache *cache, uint64_t now_ms);
