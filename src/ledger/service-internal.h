/* SPDX-License-Identifier: MIT */
#pragma once

/* The body of LedgerDaemon, for service.c (what it is), methods.c (what it is asked), wire.c (how that looks
 * on the bus) and bus.c (the vtable). */

#include "bus/caller.h"
#include "bus/component.h"
#include "bus/error.h"
#include "config/holder.h"
#include "ledger/enroll.h"
#include "ledger/request.h"
#include "ledger/service.h"
#include "ledger/witness.h"

/* Who may ask for a method; root and the ledger's own user may ask for all. The policy of the bus decides
 * who may ask at all, and what of the rest is for whoever looks after this machine. */
typedef enum LedgerRole {
        ROLE_ADMIN = 0,         /* nobody else */
        ROLE_AGENT = 1 << 0,    /* devbox-agent: runs requests on this device */
        ROLE_DISPATCH = 1 << 1, /* devbox-dispatch: the hub's queue and witness */
        ROLE_ALL = 1 << 2,      /* whoever got through to us */
} LedgerRole;

#define N_ROLES 2

struct LedgerDaemon {
        Daemon *daemon;
        sd_event *event; /* the daemon's, like the bus */
        sd_bus *bus;
        Component component;
        ConfigHolder config;
        sd_bus_slot *slot_interface;
        sd_event_source *timer_flush;
        CallerCache *callers;
        uid_t role_uids[N_ROLES]; /* of 1 << i; UID_INVALID: there is no such user */

        Ledger *ledger;
        int failure; /* of the last write: 0 or -errno; told and logged when it changes */
        uint64_t calls, denied_calls, accepted, refused, known;
};

#define UID_INVALID ((uid_t) -1)

/* What a method answers with; > 0 and < 0 become errors. Replies itself, once, if it returns 0. */
typedef int (*LedgerMethodHandler)(LedgerDaemon *service, sd_bus_message *message);

typedef struct LedgerMethod {
        const char *name;
        unsigned roles;
        LedgerMethodHandler method;
} LedgerMethod;

/* Every method of the interface. */
const LedgerMethod *ledger_daemon_find_member(const char *name);

/* Notes how writing went; DEVBOX_ERROR_AUDIT_UNAVAILABLE for a failure, else what it was given. */
int ledger_daemon_note(LedgerDaemon *service, int result);

/* Adds org.devbox.Ledger1 to the object at `path`; all calls go to the handler. */
int ledger_daemon_add_interface(LedgerDaemon *service, sd_bus *bus, const char *path,
                                sd_bus_slot **ret_slot);
int ledger_daemon_on_call(sd_bus_message *message, void *userdata, sd_bus_error *error);

/* ---- wire.c; -EBADMSG what came is not what dbus/org.devbox.Ledger1.xml says */

int wire_read_bytes(sd_bus_message *message, void *ret_bytes, size_t size);
int wire_append_bytes(sd_bus_message *message, Bytes bytes);
int wire_append_pair(sd_bus_message *message, const char *key, const char *type, ...);
int wire_append_pair_bytes(sd_bus_message *message, const char *key, Bytes bytes);

int wire_read_enrolment(sd_bus_message *message, Enrolment *ret_enrolment);
int wire_read_outcome(sd_bus_message *message, Result *ret_how); /* borrows from the message */
int wire_read_entries(sd_bus_message *message, AuditEntry **ret_entries, size_t *ret_n);
int wire_append_entry(sd_bus_message *message, const AuditEntry *entry);
int wire_append_answer(sd_bus_message *message, const LedgerAnswer *answer);
int wire_append_status(sd_bus_message *message, const LedgerStatus *status);
