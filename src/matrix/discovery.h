/* SPDX-License-Identifier: MIT */
#pragma once

/* From a user's name to the URL of their homeserver. Source: Matrix specification, client-server API,
 * "Server Discovery". */

#include "matrix/call.h"

/* Sets the server to https://SERVER of @user:SERVER. Errors: -EINVAL the user has no server; -ENOMEM. */
int discovery_set_server(MatrixServer *server, const char *user_id);

/* Asks it for another. A redirect is not followed. Errors: those of matrix_call_start(). */
int discovery_start(MatrixServer *server, MatrixReplyHandler on_reply, void *userdata,
                    MatrixCall **ret_call);

/* Sets the server to what the reply names, by https: only; without a usable name it stays as it is. Errors:
 * -ENOMEM. */
int discovery_take(MatrixServer *server, const MatrixReply *reply);
