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
typedef struct Statement Statement;

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

/* Frees caches. */
void database_trim(Database *database);

/* SQLite's message about the last error, for the log. */
const char *database_problem(Database *database);

/* ---- transactions: rolled back unless committed */

typedef struct Transaction {
        Database *database; /* NULL: none is open */
} Transaction;

#define TRANSACTION_NULL ((Transaction){ NULL })

/* Takes the write lock immediately. No nesting. */
int transaction_begin(Database *database, Transaction *ret_transaction);
int transaction_commit(Transaction *transaction);
void transaction_done(Transaction *transaction);

/* ---- statements: prepared once by their owner, then for each use: bind, step, reset
 *
 * Values are bound in the order of the question marks; the first error sticks and is returned by
 * statement_step(). Column values are borrowed until the next step or reset. */

int database_prepare(Database *database, const char *sql, Statement **ret_statement);
Statement *statement_free(Statement *statement);
DEFINE_CLEANUP(Statement, statement_free);

void statement_bind_integer(Statement *statement, int64_t value);
void statement_bind_text(Statement *statement, const char *value); /* NULL: null */
void statement_bind_bytes(Statement *statement, Bytes value);

/* 1: a row; 0: no more rows. The statement is reset unless there is a row. */
int statement_step(Statement *statement);

/* Runs a statement that returns no rows. */
int statement_run(Statement *statement);

/* Calls the handler with the first column of every row that is not null. Stops at what it returns if that is
 * not 0, and returns it. */
typedef int (*StatementTextHandler)(void *userdata, const char *text);
int statement_for_each_text(Statement *statement, StatementTextHandler on_text, void *userdata);

/* Ends a use early. As a cleanup: _cleanup_(statement_resetp) Statement *use = ledger->find; */
Statement *statement_reset(Statement *statement);
DEFINE_CLEANUP(Statement, statement_reset);

int64_t statement_integer(const Statement *statement, int column);
const char *statement_text(const Statement *statement, int column); /* NULL: null */
Bytes statement_bytes(const Statement *statement, int column);

/* Errors: -EBADMSG another size. */
int statement_copy_bytes(const Statement *statement, int column, void *ret_bytes, size_t size);
