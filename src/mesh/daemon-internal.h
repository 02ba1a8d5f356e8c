/* SPDX-License-Identifier: MIT */
#pragma once

/* The body of MeshDaemon, for daemon.c (its life), bus.c (the interface), methods-*.c. The order of a change
 * is: transaction_begin(), rows and outbox rows, transaction_commit(), mesh_changed(), mesh_announce(). */

#include "basic/backoff.h"
#include "basic/ratelimit.h"
#include "bus/authorise.h"
#include "bus/component.h"
#include "config/holder.h"
#include "crypto/x25519.h"
#include "mesh/daemon.h"
#include "mesh/desired.h"
#include "mesh/event.h"
#include "mesh/outbox.h"
#include "mesh/peers.h"
#include "mesh/reconcile.h"
#include "mesh/resolver.h"
#include "mesh/roots.h"

#define MESH_INTERFACE  "org.devbox.Mesh1"
#define MESH_VTABLE_MAX 48

typedef enum MeshState {
        MESH_STATE_UNCONFIGURED, /* no role */
        MESH_STATE_DOWN,         /* the link, the database or a key cannot be used */
        MESH_STATE_DEGRADED,     /* the link is up, but the hub or a part of it is out of reach */
        MESH_STATE_UP,
        _MESH_STATE_MAX,
} MeshState;

const char *mesh_state_to_string(MeshState state);

struct MeshDaemon {
        Daemon *daemon;
        sd_event *event; /* the daemon's, like the bus */
        sd_bus *bus;
        Component component;
        ConfigHolder config;
        sd_bus_vtable vtable[MESH_VTABLE_MAX];
        sd_bus_slot *slot_interface;
        BusClient dispatch;
        BusAuthority *authority;

        Store store;
        int failure; /* to open the database, or of the last write: 0 or -errno; logged when it changes */
        Backoff reopen_backoff;
        usec_t reopen_at_usec; /* CLOCK_MONOTONIC: not before */
        Journal *journal;

        /* What was read from the database last; it is gone on while the database cannot be used. */
        Node node;
        PeerTable peers;
        Desired desired;
        Roots roots;
        uint8_t claim_key[X25519_SIZE]; /* of the hub: public half; zeros: none */
        bool loaded, reload_wanted;     /* once; the database could not be read since it was changed */
        Reconciler *reconciler;
        Outbox outbox;
        Resolver *resolver;
        DriftLog drift;
        RateLimit drift_limit, claim_limit, alarm_limit, endpoint_limit; /* of what is written */
        usec_t expiry_at_usec;            /* CLOCK_BOOTTIME: when invitations are looked at next */
        BusCalls revocations, admissions; /* calls that wait: for the read-back, for the ledger */
        JournalEntry *unrecorded;         /* revocations that the database does not have yet */
        size_t n_unrecorded;
        EventBacklog backlog;
        MeshState state;
        int settle_error;                 /* of the last round */
        char problem[128];                /* why it is not up; empty: it is */
        bool was_degraded, locate_wanted; /* and that was announced; claims may have no source yet */
};

/* Opens the database if need be. Returns 0, or DEVBOX_ERROR_MESH_UNAVAILABLE. */
int mesh_need_store(MeshDaemon *self);

/* After each write: logs when writing begins to fail and when it works again. Returns
 * DEVBOX_ERROR_MESH_UNAVAILABLE for a failure, otherwise `result`. */
int mesh_after_write(MeshDaemon *self, int result);

/* The database was changed: reads it again, and applies the difference to the kernel soon. */
void mesh_changed(MeshDaemon *self);

/* Logs an event and emits the signal; `device` and `detail` may be empty. mesh_report(), for events without
 * a transaction, also adds the row of the outbox; mesh_record_events() those that had to wait for it. */
void mesh_announce(MeshDaemon *self, MeshEvent event, const char *device, const char *detail);
void mesh_report(MeshDaemon *self, MeshEvent event, const char *device, const char *detail);
void mesh_record_events(MeshDaemon *self);

/* The state from what is known now; emits PropertiesChanged, degraded and recovered. */
void mesh_update_state(MeshDaemon *self);
int mesh_append_metrics(sd_bus_message *reply, void *owner);

/* What the running state means: also where devices are; and on one, where a hub that is silent may be. */
extern const ReconcilerHandlers mesh_reconciler_handlers;
void mesh_store_endpoints(MeshDaemon *self);
void mesh_seek_hub(MeshDaemon *self);
void mesh_on_hub_address(const WireguardEndpoint *endpoint, void *owner);

/* Replies after the read-back, if `all` with the names. Errors: DEVBOX_ERROR_BUSY; -ENOMEM. */
int mesh_revoke(MeshDaemon *self, sd_bus_message *message, const Peer *const *peers, size_t n_peers,
                bool all);

/* The device was read, or (NULL) there is none: completes calls whose keys are gone, and records them. */
void mesh_revocations_check(MeshDaemon *self, const WireguardDevice *running);

/* At start: the journal into the database; out of the kernel if there is none. Errors: -ENOMEM. Later
 * mesh_record_revocations() writes those that only the journal has. */
int mesh_recover_revocations(MeshDaemon *self);
int mesh_remove_revoked(MeshDaemon *self);
void mesh_record_revocations(MeshDaemon *self);
void mesh_revocation_free(BusCall *kept);

/* Ends invitations whose time is over; looks every few seconds. Cancels an Admit that waits. */
void mesh_expire_invitations(MeshDaemon *self);
void mesh_admission_free(BusCall *kept);

/* Adds org.devbox.Mesh1 to the object at `path`. */
int mesh_add_interface(MeshDaemon *self, sd_bus *bus, const char *path, sd_bus_slot **ret_slot);
