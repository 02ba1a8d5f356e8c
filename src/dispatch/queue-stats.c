/* SPDX-License-Identifier: MIT */
/* Figures of the queue: in all, and of one device. */

#include "dispatch/queue-internal.h"

QueueStats queue_stats(const Queue *queue)
{
        QueueStats stats = queue->stats;
        const QueuedRequest *request;

        stats.n_open = stats.n_approving = 0;
        LIST_FOREACH(request, &queue->requests, entry) {
                uint64_t created = (uint64_t) request->stored.created_ms;

                stats.n_open++;
                if (request->stored.state != DISPATCH_APPROVING)
                        continue;
                stats.n_approving++;
                if (stats.oldest_approval_ms == 0 || created < stats.oldest_approval_ms)
                        stats.oldest_approval_ms = created;
        }

        return stats;
}

QueueDevice queue_device(const Queue *queue, const char *device)
{
        QueueDevice figures = { .entries = 0 };
        const QueuedRequest *request;

        LIST_FOREACH(request, &queue->requests, entry)
                figures.open[request->stored.state] += streq(request->stored.device, device);
        for (size_t i = 0; i < queue->n_links; i++)
                if (streq(device_link_name(queue->links[i]), device))
                        figures.entries = device_link_entries(queue->links[i]);

        return figures;
}
