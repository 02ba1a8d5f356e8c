/* SPDX-License-Identifier: MIT */
/* Brings the running state of the link to the desired one, and keeps it there. */

#include "mesh/reconcile.h"

#include <stdio.h>

#include "log/log.h"
#include "netlink/wireguard-backend.h"

#define TIMEOUT_USEC (10 * USEC_PER_SEC) /* of a call: thousands of peers on a small machine */
#define ROUNDS_MAX   4                   /* reads until there is no difference; two suffice */

struct Reconciler {
        sd_event *event;
        const Desired *desired;
        const ReconcilerHandlers *handlers;
        void *owner;

        sd_event_source *timer, *start;
        LinkWatch *watch;
        Interface interface;
        InterfaceKind backend_kind;
        WireguardBackend *backend;
        WireguardCall *call; /* NULL: idle */
        bool applying;       /* the call changes something */
        bool again;          /* something happened during the round */
        unsigned n_reads;    /* of this round */
        int apply_error;     /* of this round */
        uint64_t synced;     /* the generation that was last in sync: a difference to it is drift */

        WireguardDevice removals; /* changes that remove peers */
        WireguardPeer *endpoint;  /* a change that sets one; NULL: none */
};

/* ---- drift */

static void report(const Reconciler *self, DriftKind kind, const WireguardKey *key, const char *detail)
{
        Drift drift = { .at_usec = time_now(CLOCK_REALTIME), .kind = kind };

        if (self->synced != self->desired->generation)
                return;
        if (key)
                drift.key = *key;
        (void) snprintf(drift.detail, sizeof drift.detail, "%s", detail);
        self->handlers->on_drift(&drift, self->owner);
}

static void on_interface_drift(DriftKind kind, const char *detail, void *owner)
{
        report(owner, kind, NULL, detail);
}

static void report_changes(const Reconciler *self, const WireguardDevice *changes)
{
        if (changes->flags & WIREGUARD_DEVICE_HAS_PRIVATE_KEY)
                report(self, DRIFT_PRIVATE_KEY, NULL, "");
        if (changes->flags & WIREGUARD_DEVICE_HAS_LISTEN_PORT)
                report(self, DRIFT_LISTEN_PORT, NULL, "");
        for (size_t i = 0; i < changes->n_peers; i++)
                report(self, drift_of_peer(&changes->peers[i]), &changes->peers[i].public_key, "");
}

/* ---- a round */

static void end_round(Reconciler *self, int error, const char *stage)
{
        if (error >= 0)
                self->synced = self->desired->generation;
        self->handlers->on_settled(error, stage, self->owner);
        if (self->again)
                reconciler_kick(self);
}

static void begin_read(Reconciler *self);

static void on_applied(int error, WireguardDevice *device, void *owner)
{
        Reconciler *self = owner;

        self->call = wireguard_call_free(self->call);
        self->apply_error = error;
        if (error < 0)
                (void) log_debug_errno(error, "A change of the WireGuard device was rejected");
        begin_read(self); /* in whatever state it left the device */
}

static void begin_apply_take(Reconciler *self, WireguardDevice *take_changes)
{
        self->applying = true;
        int r = wireguard_apply(self->backend, take_changes, on_applied, self, &self->call);
        if (r < 0)
                end_round(self, r, "WireGuard");
}

/* Whether WireGuard has begun a handshake that could not be sent, which it repeats after 5 s only. */
static bool is_stuck(const WireguardPeer *peer)
{
        return !wireguard_endpoint_is_known(&peer->endpoint) && peer->last_handshake_at_usec == 0;
}

/* A peer that is stuck is removed first, and added by the next read, which has it begin immediately. */
static int add_endpoint(Reconciler *self, const WireguardDevice *running, WireguardDevice *changes)
{
        const WireguardPeer *wanted = self->endpoint,
                            *peer = wanted ? wireguard_device_find_peer(running, &wanted->public_key) : NULL;
        bool remove = peer && is_stuck(peer);
        WireguardPeer *change = NULL;

        for (size_t i = 0; wanted && i < changes->n_peers; i++)
                if (memcmp(&changes->peers[i].public_key, &wanted->public_key, sizeof wanted->public_key) ==
                    0)
                        change = &changes->peers[i];
        if (peer && !change) {
                int r = wireguard_device_add_peer(changes, &wanted->public_key, &change);
                if (r < 0)
                        return r;
                change->flags = WIREGUARD_PEER_UPDATE_ONLY;
        }
        if (remove) {
                change->flags = WIREGUARD_PEER_REMOVE;
                self->synced = 0; /* what the next read misses is no drift */
                return 0;
        }

        if (change)
                change->endpoint = wanted->endpoint;
        free(TAKE_PTR(self->endpoint));
        return 0;
}

/* One that was made anew while it was read lacks all peers: the next round reports that it was missing. */
static bool is_same_link(const Reconciler *self)
{
        Link link;

        return link_read(MESH_LINK, &link) >= 0 && link.index == self->interface.index;
}

/* The device is as desired: what is left is the link. */
static void settle_link(Reconciler *self)
{
        int r = interface_settle_link(self->desired, on_interface_drift, self);

        end_round(self, r, r == -EADDRINUSE ? "the UDP port" : MESH_LINK);
}

static void on_device(Reconciler *self, const WireguardDevice *running)
{
        _cleanup_(wireguard_device_done) WireguardDevice changes = WIREGUARD_DEVICE_NULL;

        int r = wireguard_device_diff(&self->desired->device, running, &changes);
        if (r < 0)
                return end_round(self, r, "WireGuard");

        if (!wireguard_changes_empty(&changes) && is_same_link(self))
                report_changes(self, &changes);
        r = add_endpoint(self, running, &changes);
        if (r < 0)
                return end_round(self, r, "WireGuard");
        if (wireguard_changes_empty(&changes))
                return settle_link(self);
        if (self->n_reads > ROUNDS_MAX)
                return end_round(self, self->apply_error < 0 ? self->apply_error : -EAGAIN, "WireGuard");

        begin_apply_take(self, &changes);
}

/* Whether such an error of reading means that there is no device. */
static bool is_absent(int error)
{
        return error == -ENODEV || error == -ENOENT || error == -ECONNREFUSED || error == -EOPNOTSUPP;
}

static void on_read(int error, WireguardDevice *device, void *owner)
{
        Reconciler *self = owner;
        WireguardCall *call = TAKE_PTR(self->call); /* has the device */

        if (error >= 0 || is_absent(error))
                self->handlers->on_running(device, self->owner);
        if (self->removals.n_peers > 0) /* asked for by that handler */
                reconciler_kick(self);
        else if (error < 0)
                end_round(self, error,
                          self->backend_kind == INTERFACE_USERSPACE ? "wireguard-go" : "WireGuard");
        else if (self->desired->generation != 0) /* else there were only removals */
                on_device(self, device);
        wireguard_call_free(call);
}

static void begin_read(Reconciler *self)
{
        self->applying = false;
        self->n_reads++;
        int r = wireguard_read(self->backend, on_read, self, &self->call);
        if (r >= 0)
                return;

        if (is_absent(r))
                self->handlers->on_running(NULL, self->owner);
        end_round(self, r, self->backend_kind == INTERFACE_USERSPACE ? "wireguard-go" : "WireGuard");
}

static int choose_backend(Reconciler *self)
{
        if (self->backend && self->backend_kind == self->interface.kind)
                return 0;

        self->backend = wireguard_backend_free(self->backend);
        self->backend_kind = self->interface.kind;
        return self->interface.kind == INTERFACE_USERSPACE
                       ? wireguard_backend_new_uapi(self->event, INTERFACE_UAPI_PATH, TIMEOUT_USEC,
                                                    &self->backend)
                       : wireguard_backend_new_kernel(self->event, MESH_LINK, TIMEOUT_USEC, &self->backend);
}

/* Also where nothing is desired yet: a revoked peer goes before the database is read. */
static bool can_remove(Reconciler *self)
{
        return self->removals.n_peers > 0 &&
               (self->backend || (interface_look(&self->interface) >= 0 && choose_backend(self) >= 0));
}

/* A link that wireguard-go makes is missing until it is connected to. */
static int prepare(Reconciler *self, const char **ret_stage)
{
        unsigned before = self->interface.index;

        *ret_stage = MESH_LINK;
        int r = interface_find(&self->interface);
        if (r < 0)
                return r;
        if (before != 0 && self->interface.index != before) {
                report(self, DRIFT_LINK_MISSING, NULL, "");
                self->synced = 0; /* all that was on it is missing, too */
        }
        r = choose_backend(self);
        if (r < 0)
                return r;

        *ret_stage = "nftables";
        return interface_settle_rules(&self->interface, self->desired, on_interface_drift, self);
}

static void begin_round(Reconciler *self)
{
        const char *stage;

        self->again = false;
        self->n_reads = 0;
        self->apply_error = 0;
        if (can_remove(self)) {
                begin_apply_take(self, &self->removals);
                return;
        }
        wireguard_device_done(&self->removals);
        if (self->desired->generation == 0) {
                self->handlers->on_running(NULL, self->owner);
                return;
        }

        int r = prepare(self, &stage);
        if (r < 0)
                end_round(self, r, stage);
        else
                begin_read(self);
}

static int on_start(sd_event_source *source, void *userdata)
{
        Reconciler *self = userdata;

        if (self->call)
                self->again = true;
        else
                begin_round(self);
        return 0;
}

void reconciler_kick(Reconciler *self)
{
        (void) sd_event_source_set_enabled(self->start, SD_EVENT_ONESHOT);
}

/* ---- what begins one */

static int on_timer(sd_event_source *source, uint64_t due_usec, void *userdata)
{
        Reconciler *self = userdata;

        self->handlers->on_tick(self->owner);
        if (self->desired->generation != 0)
                reconciler_kick(self);

        int r = sd_event_source_set_time_relative(source, RECONCILE_POLL_USEC);
        return r < 0 ? r : sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static int on_link(unsigned index, void *owner)
{
        Reconciler *self = owner;

        if (self->desired->generation != 0 &&
            (index == 0 || self->interface.index == 0 || index == self->interface.index))
                reconciler_kick(self);
        return 0;
}

int reconciler_remove_peers(Reconciler *self, const WireguardKey *keys, size_t n_keys)
{
        for (size_t i = 0; i < n_keys; i++) {
                WireguardPeer *change;

                int r = wireguard_device_add_peer(&self->removals, &keys[i], &change);
                if (r < 0)
                        return r;
                change->flags = WIREGUARD_PEER_REMOVE;
        }

        if (self->call && !self->applying)
                self->call = wireguard_call_free(self->call);
        if (self->call)
                self->again = true;
        else
                reconciler_kick(self);
        return 0;
}

void reconciler_set_endpoint(Reconciler *self, const WireguardKey *key, const WireguardEndpoint *endpoint)
{
        if (!self->endpoint)
                self->endpoint = calloc(1, sizeof *self->endpoint);
        if (!self->endpoint)
                return; /* the next resolution tries again */

        self->endpoint->public_key = *key;
        self->endpoint->endpoint = *endpoint;
        reconciler_kick(self);
}

int reconciler_remove_link(Reconciler *self)
{
        self->call = wireguard_call_free(self->call);
        self->synced = 0;
        return interface_remove(&self->interface);
}

InterfaceKind reconciler_interface_kind(const Reconciler *self)
{
        return self->backend ? self->backend_kind : INTERFACE_UNKNOWN;
}

/* ---- the object */

static int add_sources(Reconciler *self)
{
        int r = sd_event_add_defer(self->event, &self->start, on_start, self);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(self->start, SD_EVENT_OFF);
        if (r < 0)
                return r;
        r = sd_event_add_time_relative(self->event, &self->timer, CLOCK_MONOTONIC, RECONCILE_POLL_USEC,
                                       RECONCILE_POLL_USEC / 10, on_timer, self);
        if (r < 0)
                return r;

        return link_watch_new(self->event, on_link, self, &self->watch);
}

int reconciler_new(sd_event *event, const Desired *desired, const ReconcilerHandlers *handlers, void *owner,
                   Reconciler **ret_reconciler)
{
        _cleanup_(reconciler_freep) Reconciler *self = calloc(1, sizeof *self);

        if (!self)
                return -ENOMEM;
        self->event = sd_event_ref(event);
        self->desired = desired;
        self->handlers = handlers;
        self->owner = owner;

        int r = add_sources(self);
        if (r < 0)
                return r;
        *ret_reconciler = TAKE_PTR(self);
        return 0;
}

Reconciler *reconciler_free(Reconciler *self)
{
        if (!self)
                return NULL;

        wireguard_call_free(self->call);
        wireguard_backend_free(self->backend);
        link_watch_free(self->watch);
        sd_event_source_disable_unref(self->timer);
        sd_event_source_disable_unref(self->start);
        wireguard_device_done(&self->removals);
        free(self->endpoint);
        interface_done(&self->interface);
        sd_event_unref(self->event);
        free(self);
        return NULL;
}
