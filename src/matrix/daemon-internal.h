/* SPDX-License-Identifier: MIT */
#pragma once

/* The body of MatrixDaemon, for daemon.c (its life), account.c (whose it is) and methods*.c (the interface).
 */

#include "bus/authorise.h"
#include "bus/client.h"
#include "bus/component.h"
#include "event/idle.h"
#include "matrix/daemon.h"
#include "matrix/session.h"

#define MATRIX_INTERFACE  "org.devbox.Matrix1"
#define MATRIX_VTABLE_MAX 16

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

        const char *directory; /* of matrix.db */
        Secret *key;           /* of the store's pickles and token */
        HttpClient *http;
        Database *database;
        MatrixSession *session; /* NULL: no account is logged in */
};

/* daemon.c: the session has committed something, or its state changed. */
void matrix_work(MatrixDaemon *self);

/* account.c. Opens the store, and the session of the account that it has, if any; logs. Errors: -EALREADY.
 */
int matrix_account_open(MatrixDaemon *self);
void matrix_account_close(MatrixDaemon *self);

/* The account has a token: begins its session. Errors: those of session_new() and matrix_login_read(). */
int matrix_account_start(MatrixDaemon *self);

/* Closes the store for good, as matrix.db.TIME, and opens an empty one. Errors: those of rename(2) and of
 * opening. */
int matrix_account_forget(MatrixDaemon *self);

/* Of Component1: metrics.c, figures.c. */
int matrix_append_metrics(sd_bus_message *reply, void *owner);
void matrix_update_health(void *owner);

/* operation.c: one of `operations`. */
void matrix_operation_free(BusCall *call);

/* Adds org.devbox.Matrix1 to the object at `path`. */
int matrix_add_interface(MatrixDaemon *self, const char *path);
