/* SPDX-License-Identifier: MIT */
#pragma once

/* Calls of org.devbox.Matrix1, see org.devbox.Matrix1(5). What a struct holds is borrowed from its reply.
 * Functions return 0, or a DevboxError with its detail, which the caller frees. Errors: -ENOMEM. */

#include "crypto/ed25519.h"
#include "crypto/secret.h"
#include "ctl/client.h"

extern const ClientDaemon matrix_daemon;

/* Texts are NULL where there is none. */
typedef struct MatrixStatus {
        const char *state, *user, *server, *device, *identity, *fault;
        const char *outsider; /* is named by a manifest, and cannot be in the rooms */
        bool ready;           /* messages are sent */
        uint64_t rooms, rooms_wanted, unsent, undecryptable, skipped;
        uint64_t last_sync_ms; /* 0: none since the start */
} MatrixStatus;

typedef struct MatrixRoom {
        const char *kind, *device, *room_id, *alias, *state, *error;
} MatrixRoom;

typedef struct MatrixIdentity {
        PublicKey master_key;
        bool changed; /* a manifest pins another one */
} MatrixIdentity;

typedef struct MatrixLogin {
        const char *server; /* "": that of the user */
        const char *user, *kind;
        const Secret *secret; /* a password or an access token, by the kind */
} MatrixLogin;

int matrix_client_login(sd_bus *bus, const MatrixLogin *login, char **ret_problem);
int matrix_client_reset_identity(sd_bus *bus, const Secret *password, char **ret_problem);
int matrix_client_logout(sd_bus *bus, char **ret_problem);

/* One row of MatrixStatus, rows of MatrixRoom. */
extern const ClientQuery matrix_get_status;
extern const ClientQuery matrix_list_rooms;

int matrix_client_get_identity(sd_bus *bus, const char *user, MatrixIdentity *ret_identity,
                               char **ret_problem);
