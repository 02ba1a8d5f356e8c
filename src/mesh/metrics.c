/* SPDX-License-Identifier: MIT */
/* The figures of Component1.GetMetrics. */

#include "mesh/daemon-internal.h"
#include "mesh/invitation.h"

/* ---- peers */

static int append_presence(sd_bus_message *reply, const Peer *peer)
{
        int r = 0;

        for (Presence presence = 0; r >= 0 && presence < _PRESENCE_MAX; presence++)
                r = component_append_metric(reply, peer->sighting.presence == presence,
                                            "peer_presence{peer=\"%s\",presence=\"%s\"}", peer->name,
                                            presence_to_string(presence));
        return r;
}

static int append_peer(sd_bus_message *reply, const Peer *peer)
{
        const Sighting *sighting = &peer->sighting;
        const struct {
                const char *name;
                double value;
                bool absent;
        } figures[] = {
                { "peer_rx_bytes_total", (double) sighting->rx_bytes },
                { "peer_tx_bytes_total", (double) sighting->tx_bytes },
                { "peer_last_handshake_timestamp_seconds",
                  (double) sighting->handshake_at_usec / USEC_PER_SEC, sighting->handshake_at_usec == 0 },
                { "peer_manifest_expires_timestamp_seconds", (double) peer->manifest_expires_at_ms / 1000,
                  peer->manifest_expires_at_ms == 0 },
        };

        int r = append_presence(reply, peer);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(figures); i++)
                if (!figures[i].absent)
                        r = component_append_metric(reply, figures[i].value, "%s{peer=\"%s\"}",
                                                    figures[i].name, peer->name);
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

        for (InvitationState state = 0; r >= 0 && state < _INVITATION_STATE_MAX; state++)
                r = component_append_metric(reply, n[state], "invitations{state=\"%s\"}",
                                            invitation_state_to_string(state));
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

        int r = component_begin_metrics(reply, metrics, ELEMENTSOF(metrics));
        for (size_t i = 0; r >= 0 && i < self->peers.n_peers; i++)
                if (self->peers.peers[i].state != PEER_STATE_REVOKED)
                        r = append_peer(reply, &self->peers.peers[i]);
        if (r >= 0 && self->node.role == NODE_ROLE_HUB && self->store.database)
                r = append_invitations(reply, self->store.database);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}
