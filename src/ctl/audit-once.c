/* SPDX-License-Identifier: MIT */
/* What may be used once: a tree to find it in, and a heap in the order of its end, which is not that of its
 * use where a clock was set back. */

#include "ctl/audit-once.h"

#include <search.h>

static int compare(const void *a, const void *b)
{
        return memcmp(&((const AuditUsed *) a)->key, &((const AuditUsed *) b)->key, sizeof(Sha256));
}

static Sha256 make_key(Bytes bytes)
{
        Sha256 key = { 0 };

        assert(bytes.size <= sizeof key);
        memcpy(&key, bytes.data, bytes.size);
        return key;
}

void audit_once_done(AuditOnce *once)
{
        tdestroy(once->tree, free);
        free(once->heap);
        *once = AUDIT_ONCE_NULL;
}

AuditUsed *audit_once_find(const AuditOnce *once, Bytes key)
{
        AuditUsed like = { .key = make_key(key) };
        AuditUsed **found = tfind(&like, &once->tree, compare);

        return found ? *found : NULL;
}

/* ---- the heap: nobody ends before the one at half its place */

static void push(AuditOnce *once, AuditUsed *used)
{
        size_t at = once->n_heap++;

        assert(once->n_heap <= once->room);
        for (; at > 0 && once->heap[(at - 1) / 2]->until_ms > used->until_ms; at = (at - 1) / 2)
                once->heap[at] = once->heap[(at - 1) / 2];
        once->heap[at] = used;
}

static AuditUsed *pop(AuditOnce *once)
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

/* Room for everything that is in the tree, so that ending a request cannot fail. */
static int make_room(AuditOnce *once)
{
        size_t room = MAX(once->room * 2, (size_t) 64);

        if (once->n == AUDIT_ONCE_MAX)
                return -ENOBUFS;
        if (once->n < once->room)
                return 0;

        AuditUsed **heap = realloc(once->heap, room * sizeof *heap);
        if (!heap)
                return -ENOMEM;

        once->heap = heap;
        once->room = room;
        return 0;
}

/* ---- using */

int audit_once_open(AuditOnce *once, Bytes key, uint64_t time_ms, AuditUsed **ret_request)
{
        int r = make_room(once);
        if (r < 0)
                return r;

        AuditUsed *used = calloc(1, sizeof *used);
        if (used)
                used->key = make_key(key);
        if (!used || !tsearch(used, &once->tree, compare)) {
                free(used);
                return -ENOMEM;
        }

        once->n++;
        used->stage = STAGE_ACCEPTED;
        used->until_ms = time_ms < UINT64_MAX - REQUEST_KEEP_MS ? time_ms + REQUEST_KEEP_MS : UINT64_MAX;
        *ret_request = used;
        return 0;
}

void audit_once_end(AuditOnce *once, AuditUsed *request)
{
        assert(request->stage != STAGE_USED);

        request->stage = STAGE_USED;
        push(once, request);
}

int audit_once_use(AuditOnce *once, Bytes key, uint64_t time_ms)
{
        AuditUsed *used;

        int r = audit_once_open(once, key, time_ms, &used);
        if (r < 0)
                return r;

        audit_once_end(once, used);
        return 0;
}

void audit_once_forget(AuditOnce *once, uint64_t time_ms)
{
        while (once->n_heap > 0 && once->heap[0]->until_ms < time_ms) {
                AuditUsed *used = pop(once);

                (void) tdelete(used, &once->tree, compare);
                free(used);
                once->n--;
        }
}
