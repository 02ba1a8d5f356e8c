/* SPDX-License-Identifier: MIT */
#pragma once

/* The body of LedgerDaemon, for daemon.c (its lifecycle), bus.c (the interface) and methods-*.c (its
 * methods). */

#include "basic/backoff.h"
#include "bus/authorise.h"
#include "bus/component.h"
#include "config/holder.h"
#include "ledger/agent-watch.h"
#include "ledger/daemon.h"
#include "ledger/enroll.h"
#include "ledger/request.h"
#include "ledger/witness.h"

/* Users with rights of their own: the agent runs requests on this device; on a hub, the dispatcher has the
 * queue and is the witness, and mesh admits and revokes devices. */
typedef enum LedgerUser { LEDGER_USER_AGENT, LEDGER_USER_DISPATCH, LEDGER_USER_MESH } LedgerUser;

#define LEDGER_VTABLE_MAX 32

struct LedgerDaemon {
        Daemon *daemon;
        sd_event *event; /* the daemon's, like the bus */
        sd_bus *bus;
        Component component;
        ConfigHolder config;
        sd_bus_vtable vtable[LEDGER_VTABLE_MAX];
        sd_bus_slot *slot_interface;
        sd_event_source *timer_flush, *timer_reopen, *post_schedule;
        BusAuthority *authority;
        AgentWatches agents;

        Ledger *ledger; /* NULL: it could not be opened */
        int failure;    /* to open it, or of the last write: 0 or -errno; logged when it changes */
        Backoff reopen_backoff;
        uint64_t accepted, denied, known, replays;
};

/* Returns 0, or DEVBOX_ERROR_AUDIT_UNAVAILABLE if the ledger could not be opened. */
int ledger_daemon_need_ledger(LedgerDaemon *self);

/* After each write: logs when writing begins to fail and when it works again. Returns
 * DEVBOX_ERROR_AUDIT_UNAVAILABLE for a failure, otherwise `result`. */
int ledger_daemon_after_write(LedgerDaemon *self, int result);

/* Adds org.devbox.Ledger1 to the object at `path`. */
int ledger_daemon_add_interface(LedgerDaemon *self, sd_bus *bus, const char *path, sd_bus_slot **ret_slot);
