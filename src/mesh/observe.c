/* SPDX-License-Identifier: MIT */
/* What the running state means: presence of peers, drift, and the state of the whole. */

#include <stdio.h>

#include "log/log.h"
#include "mesh/admission.h"
#include "mesh/claim.h"
#include "mesh/daemon-internal.h"
#include "mesh/endpoints.h"

#define MANIFEST_WARNING_MS (INT64_C(7) * 24 * 3600 * 1000)

static int64_t now_ms(void)
{
        return (int64_t) (time_now(CLOCK_REALTIME) / USEC_PER_MSEC);
}

/* ---- peers */

static void emit_peer_changed(const MeshDaemon *self, const Peer *peer)
{
        int r = sd_bus_emit_signal(self->bus, self->component.object_path, MESH_INTERFACE, "PeerChanged",
                                   "ss", peer->name, presence_to_string(peer->sighting.presence));
        if (r < 0)
                (void) log_warning_errno(r, "Cannot emit PeerChanged, ignoring");
}

/* The first handshake of a peer. On the hub the device has joined, and its bootstrap tunnel ends. */
static int store_active(MeshDaemon *self, const Peer *peer)
{
        if (self->node.role != NODE_ROLE_HUB)
                return peer_store_state(self->store.database, peer->name, PEER_STATE_ACTIVE, now_ms());

        int r = admission_complete(self->store.database, peer->name, now_ms());
        return r < 0 ? r : peer_store_endpoint(self->store.database, peer);
}

static void activate(MeshDaemon *self, Peer *peer)
{
        if (mesh_need_store(self) != 0 || mesh_after_write(self, store_active(self, peer)) != 0)
                return; /* the next read tries again */

        peer->state = PEER_STATE_ACTIVE;
        self->reload_wanted = true;
        mesh_announce(self, MESH_EVENT_ACTIVE, peer->name, "");
        emit_peer_changed(self, peer);
}

/* Should it ever be missing, the peer is loaded with the endpoint that it has now. */
static void follow_endpoint(MeshDaemon *self, const Peer *peer, const Sighting *before)
{
        const Sighting *now = &peer->sighting;

        if (!now->silent && (before->silent || !wireguard_endpoint_equal(&before->endpoint, &now->endpoint)))
                desired_set_endpoint(&self->desired, &peer->key, &now->endpoint);
}

void mesh_store_endpoints(MeshDaemon *self)
{
        if (self->node.role == NODE_ROLE_HUB && endpoints_changed(&self->peers) &&
            mesh_need_store(self) == 0)
                (void) mesh_after_write(self, endpoints_store(self->store.database, &self->peers));
}

static void wake_peers(MeshDaemon *self)
{
        int r = self->node.role == NODE_ROLE_HUB ? endpoints_wake(&self->peers) : 0;

        if (r < 0)
                (void) log_debug_errno(r, "Cannot wake a device, the next round tries again");
}

static void observe_peer(MeshDaemon *self, Peer *peer, const WireguardPeer *running)
{
        Sighting before = peer->sighting;

        sighting_update(&peer->sighting, running, time_now(CLOCK_REALTIME), time_now(CLOCK_BOOTTIME));
        follow_endpoint(self, peer, &before);
        if (peer->state == PEER_STATE_JOINING && peer->sighting.handshake_at_usec != 0)
                activate(self, peer);
        if (peer->sighting.presence == before.presence)
                return;

        emit_peer_changed(self, peer);
        if (!peer_mark_stale(peer))
                return;
        if (peer->stale)
                mesh_report(self, MESH_EVENT_STALE, peer->name, "");
        else if (mesh_need_store(self) == 0)
                (void) mesh_after_write(self, peer_store_marks(self->store.database, peer));
}

/* A claim comes through the tunnel, where the address says nothing about the machine. */
static void locate_claims(MeshDaemon *self, const WireguardDevice *running)
{
        if (!self->locate_wanted || self->node.role != NODE_ROLE_HUB || mesh_need_store(self) != 0)
                return;

        self->locate_wanted = mesh_after_write(self, claims_locate(self->store.database, running)) != 0;
}

static void on_running(const WireguardDevice *running, void *owner)
{
        MeshDaemon *self = owner;

        for (size_t i = 0; i < self->peers.n_peers; i++) {
                Peer *peer = &self->peers.peers[i];

                if (peer->state != PEER_STATE_REVOKED)
                        observe_peer(self, peer,
                                     running ? wireguard_device_find_peer(running, &peer->key) : NULL);
        }

        mesh_revocations_check(self, running);
        if (running)
                locate_claims(self, running);
}

/* ---- drift */

static void on_drift(const Drift *drift, void *owner)
{
        MeshDaemon *self = owner;
        const char *name = peer_table_name_of(&self->peers, &drift->key);
        Drift *entry = drift_log_add(&self->drift, drift);
        char detail[128];
        unsigned suppressed;

        if (drift->kind == DRIFT_PEER_EXTRA && journal_has(self->journal, &drift->key))
                entry->kind = DRIFT_PEER_REVOKED;
        if (!ratelimit_pass(&self->drift_limit, time_now(CLOCK_MONOTONIC), &suppressed))
                return;

        (void) snprintf(detail, sizeof detail, "%s%s%s", drift_kind_to_string(entry->kind),
                        entry->detail[0] != '\0' ? ": " : "", entry->detail);
        mesh_report(self, MESH_EVENT_DRIFT, name, detail);
}

/* ---- the whole */

static MeshState judge(MeshDaemon *self, char *problem, size_t size)
{
        const Peer *hub = peer_table_find(&self->peers, HUB_NAME);

        problem[0] = '\0';
        if (!self->loaded) {
                (void) snprintf(problem, size, "database or keys cannot be used: %s",
                                strerror(-self->failure));
                return MESH_STATE_DOWN;
        }
        if (self->node.role == NODE_ROLE_NONE)
                return MESH_STATE_UNCONFIGURED;
        if (self->settle_error != 0) {
                (void) snprintf(problem, size, "%s", self->problem);
                return MESH_STATE_DOWN;
        }
        if (self->failure != 0) {
                (void) snprintf(problem, size, "database or keys cannot be used: %s",
                                strerror(-self->failure));
                return MESH_STATE_DEGRADED;
        }
        if (self->node.role == NODE_ROLE_DEVICE && (!hub || hub->sighting.presence != PRESENCE_ONLINE)) {
                (void) snprintf(problem, size, "the hub does not answer");
                return MESH_STATE_DEGRADED;
        }

        return MESH_STATE_UP;
}

/* Being out of reach is announced once the link was up, not while it comes up. */
static void announce_reach(MeshDaemon *self, MeshState before)
{
        if (self->node.role != NODE_ROLE_DEVICE)
                return;
        if (before == MESH_STATE_UP && self->state == MESH_STATE_DEGRADED) {
                self->was_degraded = true;
                mesh_announce(self, MESH_EVENT_DEGRADED, HUB_NAME, self->problem);
        } else if (self->was_degraded && self->state == MESH_STATE_UP) {
                self->was_degraded = false;
                mesh_announce(self, MESH_EVENT_RECOVERED, HUB_NAME, "");
        }
}

void mesh_update_state(MeshDaemon *self)
{
        MeshState before = self->state;
        char problem[sizeof self->problem];

        self->state = judge(self, problem, sizeof problem);
        (void) snprintf(self->problem, sizeof self->problem, "%s", problem);
        component_set_healthy(&self->component, self->state != MESH_STATE_DOWN && self->failure == 0);
        if (self->state == before)
                return;

        (void) sd_bus_emit_properties_changed(self->bus, self->component.object_path, MESH_INTERFACE,
                                              "State", NULL);
        announce_reach(self, before);
}

static void on_settled(int error, const char *stage, void *owner)
{
        MeshDaemon *self = owner;
        bool changed = error != self->settle_error;

        self->settle_error = error;
        if (error < 0)
                (void) snprintf(self->problem, sizeof self->problem, "%s: %s", stage, strerror(-error));
        if (changed && error < 0)
                (void) log_full(LOG_ERR, error, LOG_FIELDS({ "MESSAGE_ID", MESSAGE_MESH_DOWN }),
                                "The network is down: %s", stage);
        else if (changed)
                (void) log_full(LOG_NOTICE, 0, LOG_FIELDS({ "MESSAGE_ID", MESSAGE_MESH_UP }),
                                "The network is up");
        mesh_update_state(self);
        if (error >= 0)
                wake_peers(self);
}

/* ---- each second */

static void warn_of_manifests(MeshDaemon *self)
{
        for (size_t i = 0; i < self->peers.n_peers; i++) {
                Peer *peer = &self->peers.peers[i];
                char detail[48];

                if (peer->state == PEER_STATE_REVOKED || peer->manifest_expires_at_ms == 0 ||
                    peer->warned_of_ms == peer->manifest_expires_at_ms ||
                    peer->manifest_expires_at_ms - now_ms() > MANIFEST_WARNING_MS)
                        continue;
                peer->warned_of_ms = peer->manifest_expires_at_ms;
                (void) snprintf(detail, sizeof detail, "expires_at_ms=%lld",
                                (long long) peer->manifest_expires_at_ms);
                mesh_report(self, MESH_EVENT_MANIFEST_EXPIRING, peer->name, detail);
        }
}

/* On a device. NULL: none yet, or this machine is the hub. */
static const Peer *find_hub(const MeshDaemon *self)
{
        return self->node.role == NODE_ROLE_DEVICE ? peer_table_find(&self->peers, HUB_NAME) : NULL;
}

void mesh_seek_hub(MeshDaemon *self)
{
        const Peer *hub = find_hub(self);

        if (!hub)
                return;
        if (hub->sighting.presence == PRESENCE_ONLINE)
                resolver_reset(self->resolver);
        else
                resolver_seek(self->resolver, &self->node);
}

void mesh_on_hub_address(const WireguardEndpoint *endpoint, void *owner)
{
        const MeshDaemon *self = owner;
        const Peer *hub = find_hub(self);

        if (hub && hub->sighting.presence != PRESENCE_ONLINE)
                reconciler_set_endpoint(self->reconciler, &hub->key, endpoint);
}

static void on_tick(void *owner)
{
        MeshDaemon *self = owner;
        unsigned suppressed;

        if (self->reload_wanted)
                mesh_changed(self);
        mesh_record_revocations(self);
        mesh_record_events(self);
        if (ratelimit_pass(&self->endpoint_limit, time_now(CLOCK_MONOTONIC), &suppressed))
                mesh_store_endpoints(self);
        warn_of_manifests(self);
        mesh_expire_invitations(self);
        mesh_seek_hub(self);
        outbox_send(&self->outbox);
}

const ReconcilerHandlers mesh_reconciler_handlers = { on_running, on_drift, on_settled, on_tick };
