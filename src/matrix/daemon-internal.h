/* SPDX-License-Identifier: MIT */
#pragma once

/* The body of MatrixDaemon, for daemon.c (its life), account.c (whose it is) and methods*.c (the interface).
 */

#include "bus/authorise.h"
#include "bus/client.h"
#include "bus/component.h"
#include "bus/dictionary.h"
#include "event/idle.h"
#include "matrix/announced.h"
#include "matrix/daemon-parts.h"
#include "matrix/daemon.h"
#include "matrix/session.h"
#include "trust/manifest.h"

#define MATRIX_INTERFACE  "org.devbox.Matrix1"
#define MATRIX_VTABLE_MAX 16
#define MATRIX_SIGNALS    5

struct MatrixDaemon {
        Daemon *daemon;
        sd_event *event; /* the daemon's, like the bus */
        sd_bus *bus;
        Component component;
        sd_bus_slot *slot_interface;
        sd_bus_vtable vtable[MATRIX_VTABLE_MAX];
        BusAuthority *authority;
        BusCalls operations;
        Idle idle;                  /* touched by calls; runs only without an account */
        usec_t idle_usec;           /* until it ends then */
        struct Operation *changing; /* the login or logout that is under way; NULL: none */

        const char *state_directory; /* of matrix.db */
        Secret *key;                 /* of the store's pickles and token */
        HttpClient *http;
        Database *database;
        MatrixSession *session; /* NULL: no account is logged in */
        AnnouncedVerifications announced;

        BusClient mesh, dispatch;
        sd_bus_slot *signals[MATRIX_SIGNALS]; /* that it follows */
        Directory directory;
        Approvals approvals;
        Watch watch;
        LIST_HEAD(, Execution) executions;
        size_t n_executions;
};

/* daemon.c: something was committed, or written for the session to send. */
void matrix_work(MatrixDaemon *self);

/* execution.c: begins the commands that were received, as far as there is room, and cancels those that were
 * taken back. */
void executions_start(MatrixDaemon *self);
void executions_done(MatrixDaemon *self);

/* Reads all devices, now or after what is being read. No effect without an account. The same after a
 * Mesh1.Event that is about a device or its manifest. */
void directory_refresh(MatrixDaemon *self);
int directory_on_event(sd_bus_message *message, void *userdata, sd_bus_error *error);
void directory_done(Directory *directory);

/* The reply of GetManifest, which devbox-mesh has verified. Errors: those of envelope_parse() and
 * manifest_parse(). */
int directory_parse_manifest(sd_bus_message *message, Manifest **ret_manifest);

/* Announces what waits, and the ends of what has waited, now or after what is being read. No effect without
 * an account. The same after a Dispatch1.RequestChanged that is about such a request. */
void approvals_refresh(MatrixDaemon *self);
int approvals_on_changed(sd_bus_message *message, void *userdata, sd_bus_error *error);

/* Passes the next decision on, and announces what waited for its room. */
void approvals_work(MatrixDaemon *self);
void approvals_done(Approvals *approvals);

/* Compares the devices with what was announced; with what waits as well, if the last time was a minute ago.
 * No effect without an account. After a Mesh1.Event: alarms_refresh(), holds_refresh(). */
void watch_refresh(MatrixDaemon *self);
void watch_work(MatrixDaemon *self);
int watch_on_event(sd_bus_message *message, void *userdata, sd_bus_error *error);
void watch_done(Watch *watch);

/* Compares the rows of a reply, unless that is an error, with what was announced, in one transaction, and
 * sends the alerts. Logs errors; `what`: the rows. */
typedef int WatchComparison(Database *database, void *rows, size_t n);
void watch_compare(MatrixDaemon *self, const BusReply *reply, const BusRows *type,
                   WatchComparison *comparison, const char *what);

/* holds.c, alarms.c: the same of invitations, and of what has happened to the network. */
void holds_refresh(MatrixDaemon *self);
void alarms_refresh(MatrixDaemon *self);

/* account.c. Opens the store, and the session of its account, if any; logs. Errors: -EALREADY. */
int matrix_account_open(MatrixDaemon *self);
void matrix_account_close(MatrixDaemon *self);

/* The account has a token: begins its session. Errors: those of session_new() and matrix_login_read(). */
int matrix_account_start(MatrixDaemon *self);

/* Keeps the store as matrix.db.TIME, and opens an empty one. Errors: those of rename(2) and of opening. */
int matrix_account_forget(MatrixDaemon *self);

/* Of Component1: metrics.c, figures.c. */
int matrix_append_metrics(sd_bus_message *reply, void *owner);
void matrix_update_health(void *owner);

/* methods-verification.c: emits what has changed. */
void matrix_announce_verifications(MatrixDaemon *self);

/* operation.c: one of `operations`. */
void matrix_operation_free(BusCall *call);

/* Adds org.devbox.Matrix1 to the object at `path`. */
int matrix_add_interface(MatrixDaemon *self, const char *path);
