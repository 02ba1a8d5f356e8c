/* SPDX-License-Identifier: MIT */
/* The figures of Component1.GetMetrics. Those that there are several of have labels in their keys, as
 * Prometheus writes them, which devbox-api passes on. */

#include <stdio.h>

#include "mesh/daemon-internal.h"
#include "mesh/invitation.h"

/* ---- peers */

static int append_of_peer(sd_bus_message *reply, const char *name, const Peer *peer, double value)
{
        char key[64 + DEVICE_NAME_SIZE];

        (void) snprintf(key, sizeof key, "%s{peer=\"%s\"}", name, peer->name);
        return sd_bus_message_append(reply, "{sd}", key, value);
}

static int append_presence(sd_bus_message *reply, const Peer *peer)
{
        char key[64 + DEVICE_NAME_SIZE];
        int r = 0;

        for (Presence presence = 0; r >= 0 && presence < _PRESENCE_MAX; presence++) {
                (void) snprintf(key, sizeof key, "peer_presence{peer=\"%s\",presence=\"%s\"}", peer->name,
                                presence_to_string(presence));
                r = sd_bus_message_append(reply, "{sd}", key,
                                          peer->sighting.presence == presence ? 1.0 : 0.0);
        }
        return r;
}

static int append_peer(sd_bus_message *reply, const Peer *peer)
{
        const Sighting *sighting = &peer->sighting;

        int r = append_presence(reply, peer);
        if (r >= 0)
                r = append_of_peer(reply, "peer_rx_bytes_total", peer, (double) sighting->rx_bytes);
        if (r >= 0)
                r = append_of_peer(reply, "peer_tx_bytes_total", peer, (double) sighting->tx_bytes);
        if (r >= 0 && sighting->handshake_at_usec != 0)
                r = append_of_peer(reply, "peer_last_handshake_timestamp_seconds", peer,
                                   (double) sighting->handshake_at_usec / USEC_PER_SEC);
        if (r >= 0 && peer->manifest_expires_at_ms != 0)
                r = append_of_peer(reply, "peer_manifest_expires_timestamp_seconds", peer,
                                   (double) peer->manifest_expires_at_ms / 1000);
        return r;
}

/* ---- invitations, of the last 30 days; absent while the database cannot be read */

static int append_invitations(sd_bus_message *reply, Database *database)
{
        _cleanup_(statement_resetp) Statement *row = NULL;
        double n[_INVITATION_STATE_MAX] = { 0 };

        int r = query(database, &row, "SELECT state, count(*) FROM token GROUP BY state", "");
        while (r >= 0 && (r = statement_step(row)) > 0)
                for (InvitationState state = 0; state < _INVITATION_STATE_MAX; state++)
                        if (streq(statement_text(row, 0), invitation_state_to_string(state)))
                                n[state] = (double) statement_integer(row, 1);
        if (r < 0)
                return 0;

        for (InvitationState state = 0; r >= 0 && state < _INVITATION_STATE_MAX; state++) {
                char key[64];

                (void) snprintf(key, sizeof key, "invitations{state=\"%s\"}",
                                invitation_state_to_string(state));
                r = sd_bus_message_append(reply, "{sd}", key, n[state]);
        }
        return r;
}

int mesh_append_metrics(sd_bus_message *reply, void *owner)
{
        const MeshDaemon *self = owner;
        const BusAuthorityStats *calls = bus_authority_stats(self->authority);
        size_t n_revoked;

        (void) journal_entries(self->journal, &n_revoked);
        const ComponentMetric metrics[] = {
                { "calls_total", calls->calls_total },
                { "calls_refused_total", calls->denied_total },
                { "up", self->state == MESH_STATE_UP },
                { "degraded", self->state == MESH_STATE_DEGRADED },
                { "userspace", reconciler_interface_kind(self->reconciler) == INTERFACE_USERSPACE },
                { "drift_repaired_total", self->drift.n_total },
                { "revocations_total", n_revoked },
                { "revocations_recorded_later", self->n_unrecorded },
                { "ledger_entries_sent_total", self->outbox.sent_total },
                { "ledger_entries_rejected_total", self->outbox.rejected_total },
                { "ledger_call_failures_total", self->outbox.client.stats.failed_total },
        };

        int r = sd_bus_message_open_container(reply, 'a', "{sd}");
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(metrics); i++)
                r = sd_bus_message_append(reply, "{sd}", metrics[i].name, metrics[i].value);
        for (size_t i = 0; r >= 0 && i < self->peers.n_peers; i++)
                if (self->peers.peers[i].state != PEER_STATE_REVOKED)
                        r = append_peer(reply, &self->peers.peers[i]);
        if (r >= 0 && self->node.role == NODE_ROLE_HUB && self->store.database)
                r = append_invitations(reply, self->store.database);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}
