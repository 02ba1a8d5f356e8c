/* SPDX-License-Identifier: MIT */
#pragma once

/* The body of MatrixDaemon, for daemon.c (its life), account.c (whose it is) and methods*.c (the interface).
 */

#include "bus/authorise.h"
#include "bus/client.h"
#include "bus/component.h"
#include "event/idle.h"
#include "matrix/announced.h"
#include "matrix/approval.h"
#include "matrix/daemon.h"
#include "matrix/session.h"
#include "trust/manifest.h"

#define MATRIX_INTERFACE  "org.devbox.Matrix1"
#define MATRIX_VTABLE_MAX 16

/* directory.c: reads the devices that devbox-mesh has, and their manifests. */
typedef struct DirectoryDevice DirectoryDevice;
typedef struct Directory {
        BusRequest call;
        sd_event_source *timer; /* to ask again a devbox-mesh that did not answer */
        DirectoryDevice *devices;
        size_t n_devices, n_done;
        bool stale; /* something has changed since the reading began */
} Directory;

/* approvals.c: requests that wait for people, between devbox-dispatch and #operator-approvals. */
typedef struct Approvals {
        BusRequest reading; /* ListApprovals, then GetRequest of what was announced */
        BusRequest passing; /* the decision */
        Decision decision;
        char *at;     /* the request that is being read */
        bool stale;   /* something has changed since the reading began */
        bool no_room; /* for what waits, yet */
} Approvals;

struct MatrixDaemon {
        Daemon *daemon;
        sd_event *event; /* the daemon's, like the bus */
        sd_bus *bus;
        Component component;
        sd_bus_slot *slot_interface;
        sd_bus_vtable vtable[MATRIX_VTABLE_MAX];
        BusAuthority *authority;
        BusCalls operations;
        Idle idle;                  /* touched by calls; counts only without an account */
        struct Operation *changing; /* the login or logout that is under way; NULL: none */

        const char *state_directory; /* of matrix.db */
        Secret *key;                 /* of the store's pickles and token */
        HttpClient *http;
        Database *database;
        MatrixSession *session; /* NULL: no account is logged in */
        AnnouncedVerifications announced;

        BusClient mesh, dispatch;
        sd_bus_slot *slot_events, *slot_changes, *slot_approvals;
        Directory directory;
        Approvals approvals;
        LIST_HEAD(, Execution) executions;
        size_t n_executions;
};

/* daemon.c: the session has committed something, or its state changed; or something was written for it to
 * send. */
void matrix_work(MatrixDaemon *self);

/* execution.c: begins the commands that were received, as far as there is room. */
void executions_start(MatrixDaemon *self);
void executions_done(MatrixDaemon *self);

/* Reads all devices, now or after what is being read. No effect without an account. After a Mesh1.Event of
 * this kind, if it is about a device or its manifest. */
void directory_refresh(MatrixDaemon *self);
void directory_on_event(MatrixDaemon *self, const char *kind);
void directory_done(Directory *directory);

/* The reply of GetManifest, which devbox-mesh has verified. Errors: those of envelope_parse() and
 * manifest_parse(). */
int directory_parse_manifest(sd_bus_message *message, Manifest **ret_manifest);

/* Announces what waits, and the ends of what has waited, now or after what is being read. No effect without
 * an account. After a Dispatch1.RequestChanged, if it is about such a request. */
void approvals_refresh(MatrixDaemon *self);
void approvals_on_changed(MatrixDaemon *self, const char *request_id);

/* Passes the next decision on, and announces what waited for its room. */
void approvals_work(MatrixDaemon *self);
void approvals_done(Approvals *approvals);

/* account.c. Opens the store, and the session of the account that it has, if any; logs. Errors: -EALREADY.
 */
int matrix_account_open(MatrixDaemon *self);
void matrix_account_close(MatrixDaemon *self);

/* The account has a token: begins its session, and what depends on it. Errors: those of session_new() and
 * matrix_login_read(). */
int matrix_account_start(MatrixDaemon *self);

/* Closes the store for good, as matrix.db.TIME, and opens an empty one. Errors: those of rename(2) and of
 * opening. */
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
