/* SPDX-License-Identifier: MIT */
#pragma once

/* From a user's name to the URL of their homeserver. Source: Matrix specification, client-server API,
 * "Server Discovery". */

#include "matrix/call.h"

/* Sets the server to https://SERVER of @user:SERVER, and asks it. Errors: -EINVAL the user has no server;
 * those of matrix_call_start(). */
int discovery_start(MatrixServer *server, const char *user_id, MatrixReplyHandler on_reply, void *userdata,
                    MatrixCall **ret_call);

/* Sets the server to what the reply names; without a usable name it stays as it is. Errors: -ENOMEM. */
int discovery_take(MatrixServer *server, const MatrixReply *reply);
