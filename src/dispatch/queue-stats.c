/* SPDX-License-Identifier: MIT */
/* Figures of the queue: since the start, and now. */

#include "dispatch/queue-internal.h"

const usec_t queue_buckets_usec[QUEUE_BUCKETS] = {
        100 * USEC_PER_MSEC, 200 * USEC_PER_MSEC, 400 * USEC_PER_MSEC, USEC_PER_SEC,      2 * USEC_PER_SEC,
        5 * USEC_PER_SEC,    10 * USEC_PER_SEC,   30 * USEC_PER_SEC,   60 * USEC_PER_SEC, 300 * USEC_PER_SEC,
};

static void count_duration(QueueStats *stats, usec_t usec)
{
        size_t bucket = 0;

        while (bucket < QUEUE_BUCKETS && usec > queue_buckets_usec[bucket])
                bucket++;
        stats->durations[bucket]++;
        stats->duration_sum_usec += usec;
}

static bool is_replay(const StoredRequest *stored)
{
        DevboxError reason;

        return stored->reason && devbox_error_from_code(stored->reason, &reason) == 0 &&
               devbox_error_is_replay(reason);
}

void queue_count_end(Queue *queue, const QueuedRequest *request)
{
        const StoredRequest *stored = &request->stored;
        CapabilityKind kind = capability_kind_from_name(stored->capability);
        QueueStats *stats = &queue->stats;

        stats->ended_total[kind >= 0 ? (size_t) kind : _CAPABILITY_KIND_MAX][stored->state]++;
        stats->replays_total += is_replay(stored);
        if (stored->result && request->ready_usec > 0)
                count_duration(stats, time_now(CLOCK_MONOTONIC) - request->ready_usec);
}

QueueStats queue_stats(const Queue *queue)
{
        QueueStats stats = queue->stats;
        const QueuedRequest *request;

        TAILQ_FOREACH(request, &queue->requests, entry) {
                uint64_t created = (uint64_t) request->stored.created_ms;

                stats.open[request->stored.state]++;
                if (request->stored.state == DISPATCH_APPROVING &&
                    (stats.oldest_approval_ms == 0 || created < stats.oldest_approval_ms))
                        stats.oldest_approval_ms = created;
        }

        return stats;
}

void queue_each_open(const Queue *queue, void (*visit)(const StoredRequest *request, void *userdata),
                     void *userdata)
{
        const QueuedRequest *request;

        TAILQ_FOREACH(request, &queue->requests, entry)
                visit(&request->stored, userdata);
}
