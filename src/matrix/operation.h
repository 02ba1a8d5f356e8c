/* SPDX-License-Identifier: MIT */
#pragma once

/* A call of org.devbox.Matrix1 that waits for the homeserver: one request after the other, each tried once.
 */

#include "matrix/daemon-internal.h"

typedef enum LoginKind {
        LOGIN_PASSWORD,
        LOGIN_TOKEN,      /* an access token of a device */
        LOGIN_APPSERVICE, /* the as_token of an application service whose user it is */
        _LOGIN_KIND_MAX,
} LoginKind;

typedef struct Operation {
        BusCall call;
        MatrixDaemon *self;
        MatrixServer server;
        MatrixLogin login;
        MatrixCall *request; /* the last one */
        Secret *secret;      /* of Login */
        LoginKind kind;      /* of that */
        char *user_id;
} Operation;

/* The caller holds it only until it starts a request or ends it. Errors: DEVBOX_ERROR_BUSY; -ENOMEM. */
int matrix_operation_new(MatrixDaemon *self, sd_bus_message *message, Operation **ret_operation);

/* The requests that follow are of the account that is logged in. Errors: DEVBOX_ERROR_MATRIX_LOGGED_OUT;
 * those of matrix_login_read(). */
int matrix_operation_use_account(Operation *operation);

/* Replies; `detail` may be NULL or empty. Without values if `reason` is 0, and frees it. */
void matrix_operation_end(Operation *operation, int reason, const char *detail);

/* Why the homeserver did not do what was asked, for people; `ret_detail` is its own message, made visible,
 * or "". */
#define REPLY_DETAIL_SIZE 256
int matrix_reply_reason(const MatrixReply *reply, char ret_detail[static REPLY_DETAIL_SIZE]);
