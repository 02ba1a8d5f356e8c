/* SPDX-License-Identifier: MIT */
#pragma once

/* Caches responses under a fixed set of keys.
 *
 * A key has at most one fetch under way: requests that arrive meanwhile wait for it. Its result, an error as
 * well, is kept for the time to live. A request that arrives after an invalidation never gets a result whose
 * fetch began before it. */

#include "basic/time.h"
#include "http/response.h"

typedef struct Cache Cache;

/* Gets the response, borrowed; NULL: no memory for one. */
typedef void (*CacheWaiter)(HttpResponse *response, void *userdata);

typedef struct CacheHandlers {
        /* Starts a fetch, which ends in exactly one cache_store(), now or later. */
        void (*fetch)(unsigned key, void *owner);
        usec_t (*now)(void *owner); /* CLOCK_MONOTONIC */
} CacheHandlers;

typedef struct CacheStats {
        uint64_t hits, misses; /* a miss is one fetch; waiting for a fetch under way is neither */
        size_t n_waiting;
} CacheStats;

typedef struct CacheOptions {
        unsigned n_keys;
        usec_t ttl_usec;            /* 0 keeps nothing, but fetches are still shared */
        const usec_t *ttl_max_usec; /* of each key, which ttl_usec cannot exceed; copied */
        size_t waiting_max;         /* for all keys together */
        CacheHandlers handlers;
        void *owner;
} CacheOptions;

int cache_new(const CacheOptions *options, Cache **ret_cache);

/* Waiting requests are not answered. */
Cache *cache_free(Cache *cache);
DEFINE_CLEANUP(Cache, cache_free);

void cache_set_ttl(Cache *cache, usec_t ttl_usec);

/* Calls `waiter` once: immediately if there is a response, otherwise at the end of a fetch. Returns
 * DEVBOX_ERROR_BUSY if too many wait, or -ENOMEM; then `waiter` is not called. */
int cache_get(Cache *cache, unsigned key, CacheWaiter waiter, void *userdata);

/* Ends the fetch of the key. */
void cache_store(Cache *cache, unsigned key, HttpResponse *response);

void cache_invalidate(Cache *cache, unsigned key);

const CacheStats *cache_stats(const Cache *cache, unsigned key);
