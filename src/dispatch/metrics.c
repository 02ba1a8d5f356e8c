/* SPDX-License-Identifier: MIT */
/* The figures of Component1.GetMetrics. */

#include "dispatch/daemon-internal.h"

/* Only what there was: most pairs never are. */
static int append_ended(sd_bus_message *reply, const QueueStats *stats)
{
        int r = 0;

        for (size_t kind = 0; kind <= _CAPABILITY_KIND_MAX; kind++)
                for (size_t state = 0; r >= 0 && state < _DISPATCH_STATE_MAX; state++)
                        if (stats->ended_total[kind][state] > 0)
                                r = component_append_metric(
                                        reply, (double) stats->ended_total[kind][state],
                                        "requests_total{capability=\"%s\",outcome=\"%s\"}",
                                        kind < _CAPABILITY_KIND_MAX ? capability_kind_names[kind] : "other",
                                        dispatch_state_names[state]);
        return r;
}

static int append_durations(sd_bus_message *reply, const QueueStats *stats)
{
        uint64_t count = 0;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < QUEUE_BUCKETS; i++) {
                count += stats->durations[i];
                r = component_append_metric(reply, (double) count,
                                            "request_duration_seconds_bucket{le=\"%g\"}",
                                            (double) queue_buckets_usec[i] / USEC_PER_SEC);
        }
        count += stats->durations[QUEUE_BUCKETS];
        if (r >= 0)
                r = component_append_metric(reply, (double) count,
                                            "request_duration_seconds_bucket{le=\"+Inf\"}");
        if (r >= 0)
                r = component_append_metric(reply, (double) stats->duration_sum_usec / USEC_PER_SEC,
                                            "request_duration_seconds_sum");
        return r < 0 ? r : component_append_metric(reply, (double) count, "request_duration_seconds_count");
}

/* Of a device whose chain is known from a result. */
static int append_device(sd_bus_message *reply, const DeviceLink *link)
{
        uint64_t entries = device_link_entries(link);
        const char *name = device_link_name(link);

        if (entries == 0)
                return 0;

        int r = component_append_metric(reply, (double) entries, "device_audit_entries{device=\"%s\"}",
                                        name);
        return r < 0 ? r
                     : component_append_metric(
                               reply, (double) (entries - MIN(entries, device_link_witnessed(link))),
                               "device_witness_lag_entries{device=\"%s\"}", name);
}

int dispatch_append_metrics(sd_bus_message *reply, void *owner)
{
        const DispatchDaemon *self = owner;
        const BusAuthorityStats *calls = bus_authority_stats(self->authority);
        const QueueStats stats = queue_stats(self->queue);
        uint64_t now_ms = time_now(CLOCK_REALTIME) / USEC_PER_MSEC;
        const ComponentMetric metrics[] = {
                { "calls_total", (double) calls->calls_total },
                { "calls_refused_total", (double) calls->denied_total },
                { "requests_submitted_total", (double) stats.submitted_total },
                { "requests_queued", (double) stats.open[DISPATCH_QUEUED] },
                { "requests_running", (double) stats.open[DISPATCH_RUNNING] },
                { "approvals_waiting", (double) stats.open[DISPATCH_APPROVING] },
                { "approval_oldest_seconds",
                  stats.oldest_approval_ms > 0
                          ? (double) (now_ms - MIN(now_ms, stats.oldest_approval_ms)) / 1000
                          : 0 },
                { "replays_blocked_total", (double) stats.replays_total },
        };

        int r = component_begin_metrics(reply, metrics, ELEMENTSOF(metrics));
        if (r >= 0)
                r = append_ended(reply, &stats);
        if (r >= 0)
                r = append_durations(reply, &stats);
        for (size_t i = 0; r >= 0 && i < queue_n_links(self->queue); i++)
                r = append_device(reply, queue_link(self->queue, i));
        return r < 0 ? r : sd_bus_message_close_container(reply);
}
