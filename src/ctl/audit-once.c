/* SPDX-License-Identifier: MIT */
/* What may be used once: a tree to find it in, and a list in the order of use. */

#include "ctl/audit-once.h"

#include <search.h>

#include "proto/audit.h"

/* A ledger may forget by a clock that is then set back, a little, without an entry that says so. */
#define REMEMBERED_MS (REQUEST_KEEP_MS - AUDIT_BACKWARDS_MAX_MS)

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
        *once = AUDIT_ONCE_NULL;
}

AuditUsed *audit_once_find(const AuditOnce *once, Bytes key)
{
        AuditUsed like = { .key = make_key(key) };
        AuditUsed **found = tfind(&like, &once->tree, compare);

        return found ? *found : NULL;
}

static void add_newest(AuditOnce *once, AuditUsed *used, uint64_t time_ms)
{
        used->until_ms = time_ms < UINT64_MAX - REMEMBERED_MS ? time_ms + REMEMBERED_MS : UINT64_MAX;
        used->next = NULL;
        if (once->newest)
                once->newest->next = used;
        else
                once->oldest = used;
        once->newest = used;
}

int audit_once_use(AuditOnce *once, Bytes key, uint64_t time_ms, AuditUsed **ret_used)
{
        AuditUsed *used = calloc(1, sizeof *used);

        if (used)
                used->key = make_key(key);
        if (!used || !tsearch(used, &once->tree, compare)) {
                free(used);
                return -ENOMEM;
        }

        add_newest(once, used, time_ms);
        if (ret_used)
                *ret_used = used;
        return 0;
}

void audit_once_forget(AuditOnce *once, uint64_t time_ms)
{
        while (once->oldest && once->oldest->until_ms < time_ms) {
                AuditUsed *used = once->oldest;

                once->oldest = used->next;
                if (!once->oldest)
                        once->newest = NULL;
                if (used->stage != STAGE_USED) { /* it has not ended: its turn comes again */
                        add_newest(once, used, time_ms);
                        continue;
                }

                (void) tdelete(used, &once->tree, compare);
                free(used);
        }
}
