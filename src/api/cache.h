/* SPDX-License-Identifier: MIT */
#pragma once

/* Answers that are kept for a while, by a fixed set of keys.
 *
 * Whatever the load, a key has at most one fetch under way: who asks meanwhile waits for it. What it brings,
 * an error as well, is the answer for the time to live. A dropped answer is not given to anybody who asks
 * after the drop, even if its fetch began before. */

#include "basic/time.h"
#include "http/response.h"

typedef struct Cache Cache;

/* Gets the answer, borrowed; NULL if there is no memory for one. */
typedef void (*cache_answer_t)(HttpResponse *reply, void *userdata);

typedef struct CacheHandlers {
        /* Begins a fetch, which ends in exactly one cache_store(), now or later. */
        void (*fetch)(unsigned key, void *owner);
        usec_t (*now)(void *owner); /* CLOCK_MONOTONIC */
} CacheHandlers;

typedef struct CacheStats {
        uint64_t hits, misses; /* a miss is one fetch; who waits for it with others is neither */
        size_t n_waiting;
} CacheStats;

typedef struct CacheOptions {
        unsigned n_keys;
        usec_t ttl_usec;    /* 0 keeps nothing, but fetches are still shared */
        size_t waiting_max; /* for all keys together */
        CacheHandlers handlers;
        void *owner;
} CacheOptions;

/* Copies the options. */
int cache_new(const CacheOptions *options, Cache **ret_cache);

/* Who waits is forgotten, not answered. */
Cache *cache_free(Cache *cache);
DEFINE_CLEANUP(Cache, cache_free);

void cache_set_ttl(Cache *cache, usec_t ttl_usec);

/* Calls `answer` once: at once if the answer is there, otherwise when it comes. Returns DEVBOX_ERROR_BUSY if
 * too many wait, or -ENOMEM; then `answer` is not called. */
int cache_get(Cache *cache, unsigned key, cache_answer_t answer, void *userdata);

/* Ends the fetch of the key. */
void cache_store(Cache *cache, unsigned key, HttpResponse *reply);

void cache_invalidate(Cache *cache, unsigned key);

const CacheStats *cache_stats(const Cache *cache, unsigned key);
