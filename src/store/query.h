/* SPDX-License-Identifier: MIT */
#pragma once

/* Statements by their text, where there are too many to be fields of their owner: prepared at the first use,
 * kept, bound and run in one line.
 *
 *         r = query_run(queries, "UPDATE t SET a = ? WHERE k = ?", "it", (int64_t) 7, "key");
 *
 * The text must be a literal, since it is recognised by its address. `types` has a letter for each value:
 * `i` an int64_t, `t` a const char * (NULL: null), `b` Bytes. A statement must not be used again while its
 * rows are read.
 *
 * Errors: those of store/database.h. */

#include "store/database.h"

typedef struct Queries Queries;

/* `database` is borrowed. Errors: -ENOMEM. */
int queries_new(Database *database, Queries **ret_queries);
Queries *queries_free(Queries *queries);
DEFINE_CLEANUP(Queries, queries_free);

/* Binds; the caller steps, and resets if it stops before the last row:
 * _cleanup_(statement_resetp) Statement *rows = NULL; */
int query(Queries *queries, Statement **ret_rows, const char *sql, const char *types, ...);

/* Runs a statement without rows. */
int query_run(Queries *queries, const char *sql, const char *types, ...);

/* The first column of the first row. 1: there is one; 0: none, or null, and the result is untouched. The
 * caller frees `ret_text`. */
int query_integer(Queries *queries, int64_t *ret_value, const char *sql, const char *types, ...);
int query_text(Queries *queries, char **ret_text, const char *sql, const char *types, ...);
