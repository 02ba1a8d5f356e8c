/* SPDX-License-Identifier: MIT */
#pragma once

/* SQL statements by their text: prepared at the first use, kept by the database, bound and run in one line.
 *
 *         r = query_run(database, "UPDATE t SET a = ? WHERE k = ?", "it", (int64_t) 7, "key");
 *
 * The text must be a literal, since it is recognised by its address. `types` has a letter for each value:
 * `i` an int64_t, `t` a const char * (NULL: null), `b` Bytes. A statement must not be used again while its
 * rows are read.
 *
 * Errors: those of store/database.h. */

#include "store/database.h"

typedef struct Statement Statement;

/* Binds; the caller steps, and resets if it stops before the last row:
 * _cleanup_(statement_resetp) Statement *rows = NULL; */
int query(Database *database, Statement **ret_rows, const char *sql, const char *types, ...);

/* Runs a statement without rows. */
int query_run(Database *database, const char *sql, const char *types, ...);

/* 1: there is a row; 0: there is none. */
int query_exists(Database *database, const char *sql, const char *types, ...);

/* The first column of the first row. 1: there is one; 0: none, or null, and the result is untouched. The
 * caller frees `ret_text`. */
int query_integer(Database *database, int64_t *ret_value, const char *sql, const char *types, ...);
int query_text(Database *database, char **ret_text, const char *sql, const char *types, ...);

/* ---- rows: values are borrowed until the next step or reset */

/* 1: a row; 0: no more rows. The statement is reset unless there is a row. */
int statement_step(Statement *statement);

/* Ends reading before the last row. Returns NULL. */
Statement *statement_reset(Statement *statement);
DEFINE_CLEANUP(Statement, statement_reset);

/* Calls the handler with the first column of every row that is not null. Stops at what it returns if that is
 * not 0, and returns it. */
typedef int (*StatementTextHandler)(void *userdata, const char *text);
int statement_for_each_text(Statement *statement, StatementTextHandler on_text, void *userdata);

int64_t statement_integer(const Statement *statement, int column);
const char *statement_text(const Statement *statement, int column); /* NULL: null */
Bytes statement_bytes(const Statement *statement, int column);

/* The caller frees the text; null gives NULL. Errors: -ENOMEM. */
int statement_copy_text(const Statement *statement, int column, char **ret_text);

/* Errors: -EBADMSG another size. */
int statement_copy_bytes(const Statement *statement, int column, void *ret_bytes, size_t size);
