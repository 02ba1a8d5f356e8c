/* SPDX-License-Identifier: MIT */
#pragma once

/* mesh.db: what should be, and what the hub's chain has not been given yet. One process writes it. */

#include "crypto/secretbox.h"
#include "store/query.h"
#include "trust/sealed-file.h"

/* Of a preshared key or a token's secret in a column. */
#define STORE_BOX_SIZE (SEALED_KEY_SIZE + SECRETBOX_OVERHEAD)

extern const DatabaseSchema mesh_schema;

/* The folder of the daemon: mesh.db, the sealed keys, and what seals both. */
typedef struct Store {
        int directory_fd;   /* locked: one daemon per folder */
        char *path;         /* of mesh.db */
        Database *database; /* NULL: not open */
        Secret *seal;       /* of files: trust/sealed-file.h */
        Secret *box_key;    /* of columns */
} Store;

#define STORE_NULL ((Store){ .directory_fd = -EBADF })

/* Opens and locks the folder, and loads the seal, but not the database. `credentials` may be NULL. Errors:
 * -EBUSY another process has it; those of seal_load(). */
int store_init(Store *store, const char *directory, const char *credentials);
void store_done(Store *store);

/* Opens the database, which then never waits for a lock. Errors: those of database_open(). */
int store_open(Store *store);
void store_close(Store *store);

/* A key of SEALED_KEY_SIZE bytes in a column. Errors: -EBADMSG sealed otherwise, or altered; -ENOMEM. */
void store_box_seal(const Store *store, const void *key, uint8_t ret_box[static STORE_BOX_SIZE]);
int store_box_open(const Store *store, Bytes box, void *ret_key);
