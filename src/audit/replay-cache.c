/* SPDX-License-Identifier: MIT */
/* A hash set of what may be used once. */

#include "audit/replay-cache.h"

#define ROOM_MIN 64

static Sha256 pad_key(Bytes bytes)
{
        Sha256 key = { 0 };

        assert(bytes.size <= sizeof key);
        memcpy(&key, bytes.data, bytes.size);
        return key;
}

void replay_cache_done(ReplayCache *cache)
{
        free(cache->slots);
        *cache = REPLAY_CACHE_NULL;
}

/* The slot of the key, or the free one where it belongs; there is always a free one. */
static ReplayEntry *find_slot(const ReplayCache *cache, const Sha256 *key)
{
        size_t at = siphash(&cache->secret, BYTES_OF(key->bytes)) & (cache->room - 1);

        while (cache->slots[at].stage != REPLAY_FREE && !sha256_equal(&cache->slots[at].key, key))
                at = (at + 1) & (cache->room - 1);

        return &cache->slots[at];
}

/* One that is free counts as expired. */
static bool is_expired(const ReplayCache *cache, const ReplayEntry *entry)
{
        return entry->stage == REPLAY_FREE ||
               (entry->stage == REPLAY_USED && entry->until_ms < cache->now_ms);
}

ReplayEntry *replay_cache_find(const ReplayCache *cache, Bytes key)
{
        Sha256 padded = pad_key(key);

        if (cache->room == 0)
                return NULL;

        ReplayEntry *entry = find_slot(cache, &padded);
        return is_expired(cache, entry) ? NULL : entry;
}

static size_t count_members(const ReplayCache *cache)
{
        size_t n = 0;

        for (size_t i = 0; i < cache->room; i++)
                n += !is_expired(cache, &cache->slots[i]);

        return n;
}

/* Without the expired members; at most half of the new slots are taken. */
static int rebuild(ReplayCache *cache)
{
        ReplayCache next = *cache;

        next.n = count_members(cache);
        if (cache->max > 0 && next.n >= cache->max)
                return -ENOBUFS;

        next.room = ROOM_MIN;
        while (next.room / 2 < next.n + 1)
                next.room *= 2;
        next.slots = calloc(next.room, sizeof *next.slots);
        if (!next.slots)
                return -ENOMEM;

        if (cache->room == 0)
                sip_key_make(&next.secret);
        for (size_t i = 0; i < cache->room; i++)
                if (!is_expired(cache, &cache->slots[i]))
                        *find_slot(&next, &cache->slots[i].key) = cache->slots[i];

        free(cache->slots);
        *cache = next;
        return 0;
}

int replay_cache_add(ReplayCache *cache, Bytes key, uint64_t until_ms, ReplayEntry **ret_entry)
{
        Sha256 padded = pad_key(key);

        if (cache->n >= cache->room / 4 * 3) {
                int r = rebuild(cache);
                if (r < 0)
                        return r;
        }

        ReplayEntry *entry = find_slot(cache, &padded);
        assert(is_expired(cache, entry));
        cache->n += entry->stage == REPLAY_FREE;
        *entry = (ReplayEntry){ .key = padded, .stage = REPLAY_USED, .until_ms = until_ms };
        if (ret_entry)
                *ret_entry = entry;
        return 0;
}

void replay_cache_advance(ReplayCache *cache, uint64_t now_ms)
{
        cache->now_ms = MAX(cache->now_ms, now_ms);
}
