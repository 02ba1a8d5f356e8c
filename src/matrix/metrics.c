/* SPDX-License-Identifier: MIT */
/* The figures of Component1.GetMetrics. */

#include "matrix/figures.h"

int matrix_append_metrics(sd_bus_message *reply, void *owner)
{
        const MatrixDaemon *self = owner;
        const BusAuthorityStats *calls = bus_authority_stats(self->authority);
        Figures figures;

        int r = matrix_figures_read(self, &figures);
        if (r < 0)
                return r;

        const ComponentMetric metrics[] = {
                { "calls_total", (double) calls->calls_total },
                { "calls_refused_total", (double) calls->denied_total },
                { "synced", streq(figures.state, "synced") },
                { "rooms", (double) figures.rooms },
                { "rooms_wanted", (double) figures.rooms_wanted },
                { "events_unsent", (double) figures.unsent },
                { "events_undecryptable", (double) figures.undecryptable },
                { "events_skipped_total", (double) figures.skipped },
                { "last_sync_timestamp_seconds", (double) figures.last_sync_ms / 1000 },
        };

        return component_append_metrics(reply, metrics, ELEMENTSOF(metrics));
}
