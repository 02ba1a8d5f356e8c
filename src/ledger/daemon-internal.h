/* SPDX-License-Identifier: MIT */
#pragma once

/* The body of LedgerDaemon, for daemon.c (its life), bus.c (the vtable), methods.c (the handlers in it) and
 * marshal.c (arguments and replies). */

#include "basic/backoff.h"
#include "bus/authorise.h"
#include "bus/component.h"
#include "config/holder.h"
#include "ledger/daemon.h"
#include "ledger/enroll.h"
#include "ledger/request.h"
#include "ledger/witness.h"

/* Users with rights of their own: the agent runs requests on this device, the dispatcher has the hub's queue
 * and is its witness. */
typedef enum LedgerUser { LEDGER_USER_AGENT, LEDGER_USER_DISPATCH } LedgerUser;

struct LedgerDaemon {
        Daemon *daemon;
        sd_event *event; /* the daemon's, like the bus */
        sd_bus *bus;
        Component component;
        ConfigHolder config;
        sd_bus_slot *slot_interface;
        sd_event_source *timer_flush, *post_schedule;
        BusAuthority *authority;

        Ledger *ledger; /* NULL: it could not be opened */
        int failure;    /* to open it, or of the last write: 0 or -errno; logged when it changes */
        Backoff reopen_backoff;
        usec_t reopen_at_usec; /* CLOCK_MONOTONIC: not before */
        uint64_t accepted, denied, known;
};

/* Opens the ledger if it is not open, and if the last attempt was long enough ago. Returns 0, or
 * DEVBOX_ERROR_AUDIT_UNAVAILABLE. */
int ledger_daemon_need_ledger(LedgerDaemon *self);

/* After each write: logs when writing begins to fail and when it works again. Returns
 * DEVBOX_ERROR_AUDIT_UNAVAILABLE for a failure, otherwise `result`. */
int ledger_daemon_after_write(LedgerDaemon *self, int result);

/* Adds org.devbox.Ledger1 to the object at `path`. */
int ledger_daemon_add_interface(LedgerDaemon *self, sd_bus *bus, const char *path, sd_bus_slot **ret_slot);

/* ---- methods.c: sd_bus_message_handler_t, in the order of the vtable */

int ledger_method_enroll(sd_bus_message *message, void *userdata, sd_bus_error *error);
int ledger_method_install_root(sd_bus_message *message, void *userdata, sd_bus_error *error);
int ledger_method_install_manifest(sd_bus_message *message, void *userdata, sd_bus_error *error);
int ledger_method_accept_clock(sd_bus_message *message, void *userdata, sd_bus_error *error);
int ledger_method_begin_session(sd_bus_message *message, void *userdata, sd_bus_error *error);
int ledger_method_accept(sd_bus_message *message, void *userdata, sd_bus_error *error);
int ledger_method_started(sd_bus_message *message, void *userdata, sd_bus_error *error);
int ledger_method_finish(sd_bus_message *message, void *userdata, sd_bus_error *error);
int ledger_method_record_cosignature(sd_bus_message *message, void *userdata, sd_bus_error *error);
int ledger_method_pin(sd_bus_message *message, void *userdata, sd_bus_error *error);
int ledger_method_witness(sd_bus_message *message, void *userdata, sd_bus_error *error);
int ledger_method_get_replica(sd_bus_message *message, void *userdata, sd_bus_error *error);
int ledger_method_checkpoint(sd_bus_message *message, void *userdata, sd_bus_error *error);
int ledger_method_export(sd_bus_message *message, void *userdata, sd_bus_error *error);
int ledger_method_get_status(sd_bus_message *message, void *userdata, sd_bus_error *error);

/* ---- marshal.c: readers return -EBADMSG for what dbus/org.devbox.Ledger1.xml does not allow; what they
 * read borrows from the message */

int enrolment_read(sd_bus_message *message, Enrolment *ret_enrolment);
int bundle_read(sd_bus_message *message, LedgerBundle *ret_bundle);
int outcome_read(sd_bus_message *message, Result *ret_result);
int audit_entries_read(sd_bus_message *message, AuditEntry **ret_entries, size_t *ret_n);

int reply_manifest_installed(sd_bus_message *message, const ManifestInstalled *installed);
int reply_answer(sd_bus_message *message, const LedgerAnswer *answer);
int reply_replica(sd_bus_message *message, const ReplicaStatus *status);
int reply_status(sd_bus_message *message, const LedgerStatus *status);
