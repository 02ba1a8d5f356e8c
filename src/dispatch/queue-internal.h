/* SPDX-License-Identifier: MIT */
#pragma once

/* The bodies of Queue and its requests, for queue.c and queue-decide.c. */

#include <sys/queue.h>

#include "dispatch/queue.h"
#include "dispatch/stream.h"

#define LINKS_MAX 1024

typedef struct QueuedRequest {
        TAILQ_ENTRY(QueuedRequest) entry;
        Queue *queue;
        StoredRequest stored;
        LinkRun *run;
        ClientStream *stream;
        usec_t ready_usec; /* CLOCK_MONOTONIC: when it was given to the link first; 0: not yet */
        bool again;        /* the stream is not the first one */
        bool deferred;     /* has found its device away: delivered after the older ones that have, too */
} QueuedRequest;

typedef TAILQ_HEAD(QueuedRequests, QueuedRequest) QueuedRequests;

struct Queue {
        const LinkContext *context;
        DispatchStore *store;
        QueueHandlers handlers;
        void *owner;
        sd_event_source *timer; /* the next expiry */
        DeviceLink *links[LINKS_MAX];
        size_t n_links;
        QueuedRequests requests; /* as they were submitted */
        QueueStats stats;
};

static inline uint64_t queue_now_ms(void)
{
        return time_now(CLOCK_REALTIME) / USEC_PER_MSEC;
}

/* An open request by the end of its id; NULL: none. */
QueuedRequest *queue_find(Queue *queue, const char *id);

/* queue-follow.c: its client's stream, borrowed, from now on; -EBADF: none. Errors: those of sd-event. */
int queued_follow(QueuedRequest *request, int fd);

/* The last frame of a request that has ended, and before it what is kept of its output, if `again`. */
void stored_send_end(const StoredRequest *stored, ClientStream *stream, bool again);

/* queue-stats.c: counts a request that has ended. */
void queue_count_end(Queue *queue, const QueuedRequest *request);

/* Why an id names no open request. */
int queue_why_not_open(Queue *queue, const char *id);

/* Sends it to the device. */
void queued_start(QueuedRequest *request);
int queued_set_state(QueuedRequest *request, DispatchState state);
void queued_changed(QueuedRequest *request);

/* Whether only the device's word ends it. */
bool queued_may_have_arrived(const QueuedRequest *request);

/* Ends it at once if the device does not have it, else by the device's word. */
void queued_cancel(QueuedRequest *request);

/* Frees the request, whose device is revoked: whether what it may have ran is unknown. */
void queued_revoke(QueuedRequest *request);

/* Frees the request. An end that cannot be written is written by the next process: the device is asked
 * again. `denial`: whose decision it was; NULL: no person's. */
void queued_end(QueuedRequest *request, DispatchState state, int reason, const char *message,
                const QueueDecision *denial);

/* What the chain records about the end of a request that waits for people. */
StoredEvent queued_end_event(const StoredRequest *stored, DispatchState state, int reason,
                             const QueueDecision *denial);
