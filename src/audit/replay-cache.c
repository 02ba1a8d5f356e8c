/* SPDX-License-Identifier: MIT */
/* What may be used once: a table to find it in, and a heap in the order of its end, which is not that of its
 * use where a clock was set back. */

#include "audit/replay-cache.h"

#define ROOM_MIN 64

static Sha256 make_key(Bytes bytes)
{
        Sha256 key = { 0 };

        assert(bytes.size <= sizeof key);
        memcpy(&key, bytes.data, bytes.size);
        return key;
}

void replay_cache_done(ReplayCache *once)
{
        for (size_t i = 0; i < once->room; i++)
                for (AuditUsed *used = once->table[i], *next; used; used = next) {
                        next = used->next;
                        free(used);
                }

        free(once->table);
        free(once->heap);
        *once = REPLAY_CACHE_NULL;
}

/* ---- the table */

/* Where a key stands, or would: the pointer to it, or the one at the end of its chain. */
static AuditUsed **find_place(const ReplayCache *once, const Sha256 *key)
{
        AuditUsed **place = &once->table[siphash(&once->secret, BYTES_OF(key->bytes)) & (once->room - 1)];

        while (*place && !sha256_equal(&(*place)->key, key))
                place = &(*place)->next;

        return place;
}

AuditUsed *replay_cache_find(const ReplayCache *once, Bytes key)
{
        Sha256 padded = make_key(key);

        return once->room > 0 ? *find_place(once, &padded) : NULL;
}

static void put_in(ReplayCache *once, AuditUsed *used)
{
        AuditUsed **place = find_place(once, &used->key);

        used->next = *place;
        *place = used;
}

static void take_out(ReplayCache *once, AuditUsed *used)
{
        AuditUsed **place = find_place(once, &used->key);

        assert(*place == used);
        *place = used->next;
}

/* ---- the heap: nobody ends before the one at half its place */

static void push(ReplayCache *once, AuditUsed *used)
{
        size_t at = once->n_heap++;

        assert(once->n_heap <= once->room);
        for (; at > 0 && once->heap[(at - 1) / 2]->until_ms > used->until_ms; at = (at - 1) / 2)
                once->heap[at] = once->heap[(at - 1) / 2];
        once->heap[at] = used;
}

static AuditUsed *pop(ReplayCache *once)
{
        AuditUsed *first = once->heap[0], *last = once->heap[--once->n_heap];
        size_t at = 0, next;

        while (next = 2 * at + 1, next < once->n_heap) {
                if (next + 1 < once->n_heap && once->heap[next + 1]->until_ms < once->heap[next]->until_ms)
                        next++;
                if (once->heap[next]->until_ms >= last->until_ms)
                        break;
                once->heap[at] = once->heap[next];
                at = next;
        }

        once->heap[at] = last;
        return first;
}

/* Room for one more, also in the heap, so that ending a request cannot fail. */
static int make_room(ReplayCache *once)
{
        ReplayCache grown = *once;

        if (once->n == REPLAY_CACHE_MAX)
                return -ENOBUFS;
        if (once->n < once->room)
                return 0;

        grown.room = MAX(once->room * 2, (size_t) ROOM_MIN);
        grown.heap = realloc(once->heap, grown.room * sizeof *grown.heap);
        if (!grown.heap)
                return -ENOMEM;
        once->heap = grown.heap;
        grown.table = calloc(grown.room, sizeof *grown.table);
        if (!grown.table)
                return -ENOMEM;

        if (once->room == 0)
                sip_key_make(&grown.secret);
        for (size_t i = 0; i < once->room; i++)
                for (AuditUsed *used = once->table[i], *next; used; used = next) {
                        next = used->next;
                        put_in(&grown, used);
                }

        free(once->table);
        *once = grown;
        return 0;
}

/* ---- using */

int replay_cache_open(ReplayCache *once, Bytes key, uint64_t time_ms, AuditUsed **ret_request)
{
        int r = make_room(once);
        if (r < 0)
                return r;

        AuditUsed *used = calloc(1, sizeof *used);
        if (!used)
                return -ENOMEM;

        used->key = make_key(key);
        put_in(once, used);
        once->n++;
        used->stage = STAGE_ACCEPTED;
        used->until_ms = time_ms < UINT64_MAX - REQUEST_KEEP_MS ? time_ms + REQUEST_KEEP_MS : UINT64_MAX;
        *ret_request = used;
        return 0;
}

void replay_cache_end(ReplayCache *once, AuditUsed *request)
{
        assert(request->stage != STAGE_USED);

        request->stage = STAGE_USED;
        push(once, request);
}

int replay_cache_use(ReplayCache *once, Bytes key, uint64_t time_ms)
{
        AuditUsed *used;

        int r = replay_cache_open(once, key, time_ms, &used);
        if (r < 0)
                return r;

        replay_cache_end(once, used);
        return 0;
}

void replay_cache_forget(ReplayCache *once, uint64_t time_ms)
{
        while (once->n_heap > 0 && once->heap[0]->until_ms < time_ms) {
                AuditUsed *used = pop(once);

                take_out(once, used);
                free(used);
                once->n--;
        }
}
