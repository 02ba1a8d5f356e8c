/* SPDX-License-Identifier: MIT */
#pragma once

/* Logging in, by password, as an application service or with an access token, and what keeps a token valid.
 * A login is tried once: a failure is for the person who asked, and a homeserver counts attempts. */

#include "matrix/call.h"
#include "matrix/login.h"

typedef struct AuthCredentials {
        const MatrixLogin *login; /* committed before: a login whose answer was lost is the same again */
        const Secret *password;   /* NULL: the server's token is an application service's */
} AuthCredentials;

/* Logs in the user with the device of the login. Errors: those of matrix_call_start(). */
int auth_login_start(MatrixServer *server, const AuthCredentials *credentials, MatrixReplyHandler on_reply,
                     void *userdata, MatrixCall **ret_call);

/* The tokens, borrowed from the reply. Errors: -EACCES the server refuses this user or password; -EXDEV it
 * logged in another user or device; -EPROTO another answer; those of http/client.h. */
int auth_login_tokens(const MatrixLogin *login, const MatrixReply *reply, MatrixTokens *ret_tokens);

/* Asks for new tokens, until the server has decided: of answers that were lost the refresh token stays valid
 * until one of these is used. Errors: those of matrix_call_start(). */
int auth_refresh_start(MatrixServer *server, const Secret *refresh_token, MatrixReplyHandler on_reply,
                       void *userdata, MatrixCall **ret_call);

/* The tokens, borrowed from the reply, and the same refresh token if it names no other. Errors: -EACCES the
 * server refuses; -EPROTO another answer. */
int auth_refresh_tokens(const Secret *refresh_token, const MatrixReply *reply, MatrixTokens *ret_tokens);

/* Asks whose the server's token is. Errors: those of matrix_call_start(). */
int auth_whoami_start(MatrixServer *server, MatrixReplyHandler on_reply, void *userdata,
                      MatrixCall **ret_call);

/* The token's device, borrowed from the reply. Errors: as above; -EXDEV it is another user's, or no
 * device's. */
int auth_whoami_device(const MatrixLogin *login, const MatrixReply *reply, const char **ret_device_id);

/* Logs the device of the server's token out. Errors: those of matrix_call_start(). */
int auth_logout_start(MatrixServer *server, MatrixReplyHandler on_reply, void *userdata,
                      MatrixCall **ret_call);
