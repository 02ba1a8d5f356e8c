/* SPDX-License-Identifier: MIT */
#pragma once

/* The body of DispatchDaemon, for daemon.c (its life) and methods*.c (the interface). */

#include "bus/authorise.h"
#include "bus/client.h"
#include "bus/component.h"
#include "dispatch/daemon.h"
#include "dispatch/keys.h"
#include "dispatch/outbox.h"
#include "dispatch/queue.h"

#define DISPATCH_INTERFACE  "org.devbox.Dispatch1"
#define DISPATCH_VTABLE_MAX 24

/* Daemons that pass on what people ask for, and devbox-mesh; the authority's users. */
typedef enum DispatchUser {
        DISPATCH_USER_MATRIX,
        DISPATCH_USER_API,
        DISPATCH_USER_MESH,
        _DISPATCH_USER_MAX,
} DispatchUser;

#define DISPATCH_FRONT_ENDS (1 << DISPATCH_USER_MATRIX | 1 << DISPATCH_USER_API)

struct DispatchDaemon {
        Daemon *daemon;
        sd_bus *bus;
        Component component;
        sd_bus_slot *slot_interface, *slot_events;
        sd_bus_vtable vtable[DISPATCH_VTABLE_MAX];
        BusAuthority *authority;
        uid_t uids[_DISPATCH_USER_MAX];
        BusCalls operations, listings;
        DispatchKeys keys;
        BusClient mesh, ledger;
        HttpClient *http;
        LinkContext context;
        Queue *queue;
        Outbox outbox;
};

/* Adds org.devbox.Dispatch1 to the object at `path`. */
int dispatch_daemon_add_interface(DispatchDaemon *self, sd_bus *bus, const char *path,
                                  sd_bus_slot **ret_slot);

/* metrics.c: of Component1.GetMetrics. */
int dispatch_append_metrics(sd_bus_message *reply, void *owner);

/* operation.c: one of `operations`. */
void dispatch_operation_free(BusCall *call);

/* methods-devices.c: one of `listings`. */
void dispatch_listing_free(BusCall *call);
