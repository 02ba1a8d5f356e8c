/* SPDX-License-Identifier: MIT */
#pragma once

/* The account that the store is of: one user's one device, and its tokens, sealed under the daemon's key. A
 * store stays that device's for good; another device gets another store.
 *
 * Errors of all functions: those of store/database.h, and -ENOMEM. */

#include "crypto/secret.h"
#include "store/database.h"

typedef struct MatrixLogin {
        char *server, *user_id, *device_id; /* owned */
        Secret *token;                      /* NULL: the password login has not succeeded yet */
        Secret *refresh_token;              /* NULL: the token does not end, or a person gets the next one */
        int64_t refresh_ms;                 /* of CLOCK_REALTIME: when the next token is due; 0: never */
} MatrixLogin;

#define MATRIX_LOGIN_NULL ((MatrixLogin){ 0 })

void matrix_login_done(MatrixLogin *login);

/* 1: there is one. Errors: also -EKEYREJECTED sealed under another key. */
int matrix_login_read(Database *database, const Secret *seal, MatrixLogin *ret_login);

/* Begins a login: chooses the device id, once; a second call changes only the server, and the user as long
 * as no login has succeeded. Errors: also -EXDEV the store belongs to another user. */
int matrix_login_begin(Database *database, const char *server, const char *user_id);

/* The token is that of another device, which the server has chosen. Errors: also -EXDEV the store belongs to
 * another device. */
int matrix_login_set_device(Database *database, const char *device_id);

typedef struct MatrixTokens {
        Bytes access, refresh; /* refresh: empty if there is none */
        int64_t refresh_ms;    /* as above */
} MatrixTokens;

/* What the server takes from now on: the device was logged in, or its tokens were refreshed. */
int matrix_login_set_tokens(Database *database, const Secret *seal, const MatrixTokens *tokens);
