/* SPDX-License-Identifier: MIT */
/* A chain that is read ahead. Two batches go round: while one is judged, the other is filled. */

#include "audit/read-ahead.h"

#include <pthread.h>

#define ENTRIES_MAX 512
#define BODIES_MAX  (4 * AUDIT_BODY_MAX)

typedef struct Batch {
        bool full; /* guarded; whose it is: the reader's while it is empty, the judge's while it is full */
        AuditEntry entries[ENTRIES_MAX];
        size_t n;
        uint8_t *bodies;
        size_t used;
        int next;  /* what comes after the last entry: ENTRY if more do, in the other batch */
        int fault; /* of the last entry */
} Batch;

struct AuditAhead {
        AuditReader *source;
        ChainCursor walk;
        pthread_t reader;
        pthread_mutex_t mutex;
        pthread_cond_t changed;
        bool begun, stop; /* stop: guarded */

        Batch batches[2];
        size_t current, at; /* of the judge */
};

/* ---- the reader */

/* An entry that follows, with its body, or one that does not, without. */
static void keep(Batch *batch, const AuditEntry *entry)
{
        AuditEntry *kept = &batch->entries[batch->n++];

        *kept = *entry;
        kept->body = BYTES_NULL;
        if (batch->fault != 0)
                return;

        memcpy(batch->bodies + batch->used, entry->body.data, entry->body.size);
        kept->body = BYTES(batch->bodies + batch->used, entry->body.size);
        batch->used += entry->body.size;
}

static void fill(AuditAhead *ahead, Batch *batch)
{
        AuditEntry entry;

        batch->n = batch->used = 0;
        batch->fault = 0;
        while (batch->n < ENTRIES_MAX && BODIES_MAX - batch->used >= AUDIT_BODY_MAX) {
                batch->next = audit_reader_next(ahead->source, &entry);
                if (batch->next != AUDIT_NEXT_ENTRY)
                        return;

                batch->fault = chain_cursor_next(&ahead->walk, &entry);
                keep(batch, &entry);
                if (batch->fault != 0) {
                        batch->next = AUDIT_NEXT_END;
                        return;
                }
        }
}

/* Waits until the batch is, or is no longer, full. False: the other side has stopped. */
static bool wait_for(AuditAhead *ahead, const Batch *batch, bool full)
{
        (void) pthread_mutex_lock(&ahead->mutex);
        while (batch->full != full && !ahead->stop)
                (void) pthread_cond_wait(&ahead->changed, &ahead->mutex);
        bool stop = ahead->stop;
        (void) pthread_mutex_unlock(&ahead->mutex);

        return !stop;
}

static void hand_over(AuditAhead *ahead, Batch *batch)
{
        (void) pthread_mutex_lock(&ahead->mutex);
        batch->full = !batch->full;
        (void) pthread_cond_signal(&ahead->changed);
        (void) pthread_mutex_unlock(&ahead->mutex);
}

static void *read_ahead(void *userdata)
{
        AuditAhead *ahead = userdata;

        for (size_t i = 0;; i = !i) {
                Batch *batch = &ahead->batches[i];

                if (!wait_for(ahead, batch, false))
                        return NULL;

                fill(ahead, batch);
                bool more = batch->next == AUDIT_NEXT_ENTRY;
                hand_over(ahead, batch);
                if (!more)
                        return NULL;
        }
}

/* ---- the judge */

int audit_ahead_begin(AuditReader *source, AuditAhead **ret_ahead)
{
        _cleanup_(audit_ahead_endp) AuditAhead *ahead = calloc(1, sizeof *ahead);
        const ChainIdentity *identity = audit_reader_identity(source);

        if (!ahead)
                return -ENOMEM;
        for (size_t i = 0; i < ELEMENTSOF(ahead->batches); i++) {
                ahead->batches[i].bodies = malloc(BODIES_MAX);
                if (!ahead->batches[i].bodies)
                        return -ENOMEM;
        }

        ahead->source = source;
        chain_cursor_begin(&ahead->walk, &identity->chain, identity->device);
        (void) pthread_mutex_init(&ahead->mutex, NULL);
        (void) pthread_cond_init(&ahead->changed, NULL);
        int r = pthread_create(&ahead->reader, NULL, read_ahead, ahead);
        if (r != 0)
                return -r;

        ahead->begun = true;
        *ret_ahead = TAKE_PTR(ahead);
        return 0;
}

AuditAhead *audit_ahead_end(AuditAhead *ahead)
{
        if (!ahead)
                return NULL;

        if (ahead->begun) {
                (void) pthread_mutex_lock(&ahead->mutex);
                ahead->stop = true;
                (void) pthread_cond_signal(&ahead->changed);
                (void) pthread_mutex_unlock(&ahead->mutex);
                (void) pthread_join(ahead->reader, NULL);
        }
        for (size_t i = 0; i < ELEMENTSOF(ahead->batches); i++)
                free(ahead->batches[i].bodies);
        free(ahead);
        return NULL;
}

int audit_ahead_next(AuditAhead *ahead, AuditEntry *ret_entry, int *ret_fault)
{
        for (;;) {
                Batch *batch = &ahead->batches[ahead->current];

                if (ahead->at == 0)
                        (void) wait_for(ahead, batch, true);
                if (ahead->at < batch->n) {
                        *ret_entry = batch->entries[ahead->at++];
                        *ret_fault = ahead->at == batch->n ? batch->fault : 0;
                        return AUDIT_NEXT_ENTRY;
                }
                if (batch->next != AUDIT_NEXT_ENTRY)
                        return batch->next;

                hand_over(ahead, batch);
                ahead->current = !ahead->current;
                ahead->at = 0;
        }
}
