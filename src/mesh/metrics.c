/* SPDX-License-Identifier: MIT */
/* The figures of Component1.GetMetrics, with a row for each peer and figure. */

#include <stdio.h>

#include "mesh/daemon-internal.h"

static int append(sd_bus_message *reply, const char *name, const Peer *peer, double value)
{
        char label[64 + DEVICE_NAME_SIZE];

        if (!peer)
                return sd_bus_message_append(reply, "{sd}", name, value);
        (void) snprintf(label, sizeof label, "%s{peer=\"%s\"}", name, peer->name);
        return sd_bus_message_append(reply, "{sd}", label, value);
}

static int append_peer(sd_bus_message *reply, const Peer *peer)
{
        const Sighting *sighting = &peer->sighting;
        usec_t age = time_now(CLOCK_BOOTTIME) - sighting->seen_at_usec;

        int r = append(reply, "peer_online", peer, sighting->presence == PRESENCE_ONLINE);
        if (r >= 0)
                r = append(reply, "peer_rx_bytes_total", peer, (double) sighting->rx_bytes);
        if (r >= 0)
                r = append(reply, "peer_tx_bytes_total", peer, (double) sighting->tx_bytes);
        if (r >= 0 && sighting->handshake_at_usec != 0)
                r = append(reply, "peer_handshake_age_seconds", peer, (double) age / USEC_PER_SEC);
        if (r >= 0 && peer->manifest_expires_at_ms != 0)
                r = append(reply, "peer_manifest_expires_timestamp_seconds", peer,
                           (double) peer->manifest_expires_at_ms / 1000);
        return r;
}

int mesh_append_metrics(sd_bus_message *reply, void *owner)
{
        const MeshDaemon *self = owner;
        const BusAuthorityStats *calls = bus_authority_stats(self->authority);
        const ComponentMetric metrics[] = {
                { "calls_total", calls->calls_total },
                { "calls_refused_total", calls->denied_total },
                { "up", self->state == MESH_STATE_UP },
                { "degraded", self->state == MESH_STATE_DEGRADED },
                { "userspace", reconciler_interface_kind(self->reconciler) == INTERFACE_USERSPACE },
                { "drift_repaired_total", self->drift.n_total },
                { "revocations_recorded_later", self->n_unrecorded },
                { "ledger_entries_sent_total", self->outbox.sent_total },
                { "ledger_entries_rejected_total", self->outbox.rejected_total },
                { "ledger_call_failures_total", self->outbox.client.stats.failed_total },
        };

        int r = sd_bus_message_open_container(reply, 'a', "{sd}");
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(metrics); i++)
                r = append(reply, metrics[i].name, NULL, metrics[i].value);
        for (size_t i = 0; r >= 0 && i < self->peers.n_peers; i++)
                if (self->peers.peers[i].state != PEER_STATE_REVOKED)
                        r = append_peer(reply, &self->peers.peers[i]);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}
