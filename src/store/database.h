/* SPDX-License-Identifier: MIT */
#pragma once

/* A SQLite database that one process owns: durable (a commit that returned survives a crash and a loss of
 * power: WAL, synchronous=FULL), strict (defensive, foreign keys, no trusted schema) and small. What a
 * function says went well inside a transaction counts only once transaction_commit() returned 0.
 *
 * Errors of all functions: -ENOSPC the disk or quota is full; -EIO reading, writing or syncing failed;
 * -EEXIST a constraint; -EBADMSG damaged, or not what was expected; -EBUSY; -EROFS; -EACCES; -ENOMEM. */

#include "basic/bytes.h"

typedef struct Database Database;
typedef struct Statement Statement;

/* What a kind of database is: each migration is SQL that makes version N+1 of version N. */
typedef struct DatabaseSchema {
        uint32_t application_id; /* in the file's header: see file(1) */
        const char *const *migrations;
        size_t n_migrations;
} DatabaseSchema;

typedef enum DatabaseMode {
        DATABASE_OWN,  /* made if it is not there, brought to the newest version */
        DATABASE_READ, /* for looking at one that somebody else may own, or have made */
} DatabaseMode;

/* Errors: also -EPROTONOSUPPORT it was made by a newer version; -EBADMSG, for reading, other tables than the
 * migrations make. */
int database_open(const char *path, DatabaseMode mode, const DatabaseSchema *schema,
                  Database **ret_database);
Database *database_close(Database *database);
DEFINE_CLEANUP(Database, database_close);

/* Runs SQL that gives no rows. */
int database_run(Database *database, const char *sql);

/* Gives back the memory that only makes the next call faster. */
void database_trim(Database *database);

/* What SQLite says about the last failure: for the log. */
const char *database_problem(Database *database);

/* ---- transactions: what was begun is rolled back unless it is committed */

typedef struct Transaction {
        Database *database; /* NULL: none is open */
} Transaction;

#define TRANSACTION_NULL ((Transaction){ NULL })

/* Takes the write lock at once. There is no nesting. */
int transaction_begin(Database *database, Transaction *ret_transaction);
int transaction_commit(Transaction *transaction);
void transaction_done(Transaction *transaction);

/* ---- statements: prepared once by their owner, then for each use: bind, step, reset
 *
 * Values are bound in the order of the question marks; the first failure sticks and statement_step() tells
 * it. What a column gives is borrowed until the next step or reset. */

int database_prepare(Database *database, const char *sql, Statement **ret_statement);
Statement *statement_free(Statement *statement);
DEFINE_CLEANUP(Statement, statement_free);

void statement_bind_integer(Statement *statement, int64_t value);
void statement_bind_text(Statement *statement, const char *value); /* NULL: null */
void statement_bind_bytes(Statement *statement, Bytes value);

/* 1: a row; 0: there is none, and the statement was reset. On an error it was reset, too. */
int statement_step(Statement *statement);

/* The whole of a statement that gives no rows. */
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

/* Errors: -EBADMSG it has another size. */
int statement_copy_bytes(const Statement *statement, int column, void *ret_bytes, size_t size);
