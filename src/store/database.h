/* SPDX-License-Identifier: MIT */
#pragma once

/* A SQLite database with one writing process: durable (a commit survives a crash and a loss of power: WAL,
 * synchronous=FULL) and strict (defensive, foreign keys, no trusted schema). Success inside a transaction
 * counts only once transaction_commit() has returned 0.
 *
 * Errors of all functions: -ENOSPC the disk or quota is full; -EIO reading, writing or syncing failed;
 * -EEXIST a constraint; -EBADMSG damaged, or not the expected content; -EBUSY; -EROFS; -EACCES; -ENOMEM. */

#include "basic/bytes.h"

typedef struct Database Database;

/* Each migration is SQL that turns version N into version N+1. */
typedef struct DatabaseSchema {
        uint32_t application_id; /* in the header of the file: see file(1) */
        const char *const *migrations;
        size_t n_migrations;
} DatabaseSchema;

typedef enum DatabaseMode {
        DATABASE_OWN,       /* created if absent, migrated to the newest version */
        DATABASE_READ,      /* read only; another process owns it, and its content is not trusted */
        DATABASE_READ_COPY, /* the same of one that no process has open: takes no lock and creates no file,
                               so that it may be on a read-only mount or in a folder of another user */
} DatabaseMode;

/* Errors: also -ENOENT no such folder, or no such file to read; -ELOOP our own is a symbolic link;
 * -EPROTONOSUPPORT made by a newer version; -EBADMSG, when read only, other tables than those of the
 * migrations. */
int database_open(const char *path, DatabaseMode mode, const DatabaseSchema *schema,
                  Database **ret_database);
Database *database_close(Database *database);
DEFINE_CLEANUP(Database, database_close);

/* Whether a DATABASE_READ_COPY was written since it was opened: then what was read may not fit together. */
bool database_has_changed(const Database *database);

/* Runs SQL that returns no rows. */
int database_run(Database *database, const char *sql);

/* Reads all of it. Errors: -EBADMSG damaged. */
int database_check(Database *database);

/* Of the file; borrowed. */
const char *database_path(const Database *database);

/* Frees caches. */
void database_trim(Database *database);

/* ---- transactions: rolled back unless committed */

typedef struct Transaction {
        Database *database; /* NULL: none is open */
} Transaction;

#define TRANSACTION_NULL ((Transaction){ NULL })

/* Takes the write lock immediately. No nesting. */
int transaction_begin(Database *database, Transaction *ret_transaction);
int transaction_commit(Transaction *transaction);
void transaction_done(Transaction *transaction);
