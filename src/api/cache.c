/* SPDX-License-Identifier: MIT */
/* Caches responses under a fixed set of keys. */

#include "api/cache.h"

#include <sys/queue.h>

typedef struct Waiter Waiter;
typedef STAILQ_HEAD(Waiters, Waiter) Waiters;

struct Waiter {
        CacheWaiter complete;
        void *userdata;
        STAILQ_ENTRY(Waiter) entry;
};

typedef struct Entry {
        HttpResponse *response; /* NULL: none */
        usec_t ttl_max_usec, expires_at_usec;
        bool fetching, invalidated; /* invalidated: since the fetch began */
        Waiters waiting;            /* for the fetch under way */
        Waiters waiting_next;       /* for the one after it: they arrived after an invalidation */
        CacheStats stats;
} Entry;

struct Cache {
        CacheOptions options;
        size_t n_waiting;
        Entry entries[];
};

int cache_new(const CacheOptions *options, Cache **ret_cache)
{
        Cache *cache = calloc(1, sizeof *cache + options->n_keys * sizeof(Entry));
        if (!cache)
                return -ENOMEM;

        cache->options = *options;
        for (unsigned key = 0; key < options->n_keys; key++) {
                cache->entries[key].ttl_max_usec = options->ttl_max_usec[key];
                STAILQ_INIT(&cache->entries[key].waiting);
                STAILQ_INIT(&cache->entries[key].waiting_next);
        }

        *ret_cache = cache;
        return 0;
}

static usec_t now_of(const Cache *cache)
{
        return cache->options.handlers.now(cache->options.owner);
}

static void waiters_free(Waiters *waiters)
{
        while (!STAILQ_EMPTY(waiters)) {
                Waiter *waiter = STAILQ_FIRST(waiters);

                STAILQ_REMOVE_HEAD(waiters, entry);
                free(waiter);
        }
}

Cache *cache_free(Cache *cache)
{
        for (unsigned key = 0; key < cache->options.n_keys; key++) {
                waiters_free(&cache->entries[key].waiting);
                waiters_free(&cache->entries[key].waiting_next);
                http_response_unref(cache->entries[key].response);
        }

        free(cache);
        return NULL;
}

void cache_set_ttl(Cache *cache, usec_t ttl_usec)
{
        cache->options.ttl_usec = ttl_usec;
}

static void fetch(Cache *cache, unsigned key)
{
        Entry *entry = &cache->entries[key];

        entry->fetching = true;
        entry->invalidated = false;
        entry->stats.misses++;
        cache->options.handlers.fetch(key, cache->options.owner);
}

int cache_get(Cache *cache, unsigned key, CacheWaiter complete, void *userdata)
{
        Entry *entry = &cache->entries[key];

        if (entry->response && now_of(cache) < entry->expires_at_usec) {
                entry->stats.hits++;
                complete(entry->response, userdata);
                return 0;
        }

        if (cache->n_waiting >= cache->options.waiting_max)
                return DEVBOX_ERROR_BUSY;

        Waiter *waiter = malloc(sizeof *waiter);
        if (!waiter)
                return -ENOMEM;

        *waiter = (Waiter){ .complete = complete, .userdata = userdata };
        cache->n_waiting++;
        entry->stats.n_waiting++;
        if (entry->invalidated)
                STAILQ_INSERT_TAIL(&entry->waiting_next, waiter, entry);
        else
                STAILQ_INSERT_TAIL(&entry->waiting, waiter, entry);

        if (!entry->fetching)
                fetch(cache, key);
        return 0;
}

void cache_store(Cache *cache, unsigned key, HttpResponse *response)
{
        Entry *entry = &cache->entries[key];
        Waiters waiting = STAILQ_HEAD_INITIALIZER(waiting);

        assert(entry->fetching);
        entry->fetching = false;
        entry->response = http_response_unref(entry->response);
        if (response && !entry->invalidated && cache->options.ttl_usec > 0) {
                entry->response = http_response_ref(response);
                entry->expires_at_usec = now_of(cache) + MIN(cache->options.ttl_usec, entry->ttl_max_usec);
        }

        /* A waiter may call cache_get(): the lists are consistent before that. */
        STAILQ_CONCAT(&waiting, &entry->waiting);
        STAILQ_CONCAT(&entry->waiting, &entry->waiting_next);
        entry->invalidated = false;
        if (!STAILQ_EMPTY(&entry->waiting))
                fetch(cache, key);

        while (!STAILQ_EMPTY(&waiting)) {
                Waiter *waiter = STAILQ_FIRST(&waiting);

                STAILQ_REMOVE_HEAD(&waiting, entry);
                cache->n_waiting--;
                entry->stats.n_waiting--;
                waiter->complete(response, waiter->userdata);
                free(waiter);
        }
}

void cache_invalidate(Cache *cache, unsigned key)
{
        Entry *entry = &cache->entries[key];

        entry->response = http_response_unref(entry->response);
        entry->invalidated = entry->fetching;
}

const CacheStats *cache_stats(const Cache *cache, unsigned key)
{
        return &cache->entries[key].stats;
}
