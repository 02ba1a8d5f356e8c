/* SPDX-License-Identifier: MIT */
#pragma once

/* The body of MeshDaemon, for daemon.c (its life), bus.c (the interface), methods-*.c, and the operations
 * behind them. The order of a change is always: transaction_begin(self->store.database), rows and outbox
 * rows, transaction_commit(), mesh_changed(), mesh_announce(). */

#include "basic/backoff.h"
#include "bus/authorise.h"
#include "bus/component.h"
#include "config/holder.h"
#include "mesh/daemon.h"
#include "mesh/desired.h"
#include "mesh/event.h"
#include "mesh/peers.h"

#define MESH_INTERFACE  "org.devbox.Mesh1"
#define MESH_VTABLE_MAX 48

/* Users with rights of their own: the API passes on claims and revocations, the dispatcher reads. */
typedef enum MeshUser { MESH_USER_API, MESH_USER_DISPATCH } MeshUser;

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

        MeshState state;
        char problem[128]; /* why it is not up; empty: it is */
};

/* Opens the database if it is not open, and if the last attempt was long enough ago. Returns 0, or
 * DEVBOX_ERROR_MESH_UNAVAILABLE. */
int mesh_need_store(MeshDaemon *self);

/* After each write: logs when writing begins to fail and when it works again. Returns
 * DEVBOX_ERROR_MESH_UNAVAILABLE for a failure, otherwise `result`. */
int mesh_after_write(MeshDaemon *self, int result);

/* The database was changed: reads it again, and applies the difference to the kernel soon. */
void mesh_changed(MeshDaemon *self);

/* Logs an event and emits the signal; `device` and `detail` may be empty. For events that are recorded, the
 * row of the outbox is the caller's: outbox_add_record(). */
void mesh_announce(MeshDaemon *self, MeshEvent event, const char *device, const char *detail);

/* Adds org.devbox.Mesh1 to the object at `path`. */
int mesh_add_interface(MeshDaemon *self, sd_bus *bus, const char *path, sd_bus_slot **ret_slot);
