/* SPDX-License-Identifier: MIT */
/* Prepared statements. */

#include "store/database-internal.h"

struct Statement {
        sqlite3_stmt *handle;
        int bound; /* number of values */
        int error; /* of binding: 0 or -errno */
};

int database_prepare(Database *database, const char *sql, Statement **ret_statement)
{
        _cleanup_(statement_freep) Statement *statement = calloc(1, sizeof *statement);

        if (!statement)
                return -ENOMEM;

        int r = database_error(sqlite3_prepare_v3(database->handle, sql, -1, SQLITE_PREPARE_PERSISTENT,
                                                  &statement->handle, NULL));
        if (r < 0)
                return r;

        *ret_statement = TAKE_PTR(statement);
        return 0;
}

Statement *statement_free(Statement *statement)
{
        if (!statement)
                return NULL;

        (void) sqlite3_finalize(statement->handle);
        free(statement);
        return NULL;
}

static void note_bound(Statement *statement, int code)
{
        if (statement->error == 0)
                statement->error = database_error(code);
}

void statement_bind_integer(Statement *statement, int64_t value)
{
        note_bound(statement, sqlite3_bind_int64(statement->handle, ++statement->bound, value));
}

void statement_bind_text(Statement *statement, const char *value)
{
        note_bound(statement,
                   sqlite3_bind_text(statement->handle, ++statement->bound, value, -1, SQLITE_TRANSIENT));
}

void statement_bind_bytes(Statement *statement, Bytes value)
{
        /* A NULL pointer would bind null, not an empty blob. */
        note_bound(statement, sqlite3_bind_blob64(statement->handle, ++statement->bound,
                                                  value.size > 0 ? (const void *) value.data : "",
                                                  value.size, SQLITE_TRANSIENT));
}

int statement_step(Statement *statement)
{
        int r = statement->error;

        if (r == 0) {
                int code = sqlite3_step(statement->handle);
                if (code == SQLITE_ROW)
                        return 1;
                r = database_error(code);
        }

        statement_reset(statement);
        return r;
}

int statement_run(Statement *statement)
{
        int r = statement_step(statement);
        if (r <= 0)
                return r;

        statement_reset(statement);
        return -EBADMSG; /* it returns rows */
}

int statement_for_each_text(Statement *statement, StatementTextHandler on_text, void *userdata)
{
        int r;

        while ((r = statement_step(statement)) > 0) {
                const char *text = statement_text(statement, 0);

                r = text ? on_text(userdata, text) : 0;
                if (r != 0)
                        return r;
        }

        return r;
}

Statement *statement_reset(Statement *statement)
{
        (void) sqlite3_reset(statement->handle);
        (void) sqlite3_clear_bindings(statement->handle);
        statement->bound = 0;
        statement->error = 0;
        return NULL;
}

int64_t statement_integer(const Statement *statement, int column)
{
        return sqlite3_column_int64(statement->handle, column);
}

const char *statement_text(const Statement *statement, int column)
{
        return (const char *) sqlite3_column_text(statement->handle, column);
}

Bytes statement_bytes(const Statement *statement, int column)
{
        const void *data = sqlite3_column_blob(statement->handle, column);

        return BYTES(data, (size_t) sqlite3_column_bytes(statement->handle, column));
}

int statement_copy_bytes(const Statement *statement, int column, void *ret_bytes, size_t size)
{
        Bytes bytes = statement_bytes(statement, column);

        if (bytes.size != size)
                return -EBADMSG;

        memcpy(ret_bytes, bytes.data, size);
        return 0;
}
