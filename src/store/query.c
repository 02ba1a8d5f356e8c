/* SPDX-License-Identifier: MIT */
/* Statements by their text. */

#include "store/query.h"

#include <stdarg.h>

#include "store/database-internal.h"

struct Statement {
        const char *sql; /* a literal */
        sqlite3_stmt *handle;
        Statement *next; /* of the same database */
};

void statements_free(Statement *first)
{
        while (first) {
                Statement *next = first->next;

                (void) sqlite3_finalize(first->handle);
                free(first);
                first = next;
        }
}

static int prepare(Database *database, const char *sql, Statement **ret_statement)
{
        for (Statement *statement = database->statements; statement; statement = statement->next)
                if (statement->sql == sql) {
                        *ret_statement = statement;
                        return 0;
                }

        Statement *statement = calloc(1, sizeof *statement);
        if (!statement)
                return -ENOMEM;

        int r = database_error(sqlite3_prepare_v3(database->handle, sql, -1, SQLITE_PREPARE_PERSISTENT,
                                                  &statement->handle, NULL));
        if (r < 0) {
                free(statement);
                return r;
        }

        statement->sql = sql;
        statement->next = database->statements;
        *ret_statement = database->statements = statement;
        return 0;
}

/* A NULL pointer would bind null, not an empty blob. */
static int bind_bytes(sqlite3_stmt *handle, int index, Bytes value)
{
        return sqlite3_bind_blob64(handle, index, value.size > 0 ? (const void *) value.data : "",
                                   value.size, SQLITE_TRANSIENT);
}

static int bind(sqlite3_stmt *handle, const char *types, va_list *arguments)
{
        int code = SQLITE_OK;

        for (int i = 1; code == SQLITE_OK && types[i - 1] != '\0'; i++)
                switch (types[i - 1]) {
                case 'i':
                        code = sqlite3_bind_int64(handle, i, va_arg(*arguments, int64_t));
                        break;
                case 't':
                        code = sqlite3_bind_text(handle, i, va_arg(*arguments, const char *), -1,
                                                 SQLITE_TRANSIENT);
                        break;
                case 'b':
                        code = bind_bytes(handle, i, va_arg(*arguments, Bytes));
                        break;
                default:
                        assert(!"a type of query()");
                }

        return database_error(code);
}

static int begin(Database *database, Statement **ret_rows, const char *sql, const char *types,
                 va_list *arguments)
{
        Statement *statement;

        int r = prepare(database, sql, &statement);
        if (r < 0)
                return r;
        r = bind(statement->handle, types, arguments);
        if (r < 0) {
                statement_reset(statement);
                return r;
        }

        *ret_rows = statement;
        return 0;
}

/* Defines `r` as what begin() returns for the variable arguments behind `types`. */
#define BEGIN(database, ret_rows, sql, types)                                                               \
        va_list arguments;                                                                                  \
        va_start(arguments, types);                                                                         \
        int r = begin(database, ret_rows, sql, types, &arguments);                                          \
        va_end(arguments)

int query(Database *database, Statement **ret_rows, const char *sql, const char *types, ...)
{
        BEGIN(database, ret_rows, sql, types);
        return r;
}

int query_run(Database *database, const char *sql, const char *types, ...)
{
        _cleanup_(statement_resetp) Statement *rows = NULL;

        BEGIN(database, &rows, sql, types);
        if (r < 0)
                return r;

        r = statement_step(rows);
        return r > 0 ? -EBADMSG : r; /* it returns rows */
}

int query_exists(Database *database, const char *sql, const char *types, ...)
{
        _cleanup_(statement_resetp) Statement *rows = NULL;

        BEGIN(database, &rows, sql, types);
        return r < 0 ? r : statement_step(rows);
}

int query_integer(Database *database, int64_t *ret_value, const char *sql, const char *types, ...)
{
        _cleanup_(statement_resetp) Statement *rows = NULL;

        BEGIN(database, &rows, sql, types);
        if (r < 0)
                return r;

        r = statement_step(rows);
        if (r <= 0)
                return r;
        if (!statement_text(rows, 0))
                return 0;

        *ret_value = statement_integer(rows, 0);
        return 1;
}

int query_text(Database *database, char **ret_text, const char *sql, const char *types, ...)
{
        _cleanup_(statement_resetp) Statement *rows = NULL;

        BEGIN(database, &rows, sql, types);
        if (r < 0)
                return r;

        r = statement_step(rows);
        if (r <= 0)
                return r;

        const char *text = statement_text(rows, 0);
        if (!text)
                return 0;
        char *copy = strdup(text);
        if (!copy)
                return -ENOMEM;

        *ret_text = copy;
        return 1;
}

/* ---- rows */

int statement_step(Statement *statement)
{
        int code = sqlite3_step(statement->handle);

        if (code == SQLITE_ROW)
                return 1;

        statement_reset(statement);
        return database_error(code);
}

Statement *statement_reset(Statement *statement)
{
        (void) sqlite3_reset(statement->handle);
        (void) sqlite3_clear_bindings(statement->handle);
        return NULL;
}

int statement_for_each_text(Statement *statement, StatementTextHandler on_text, void *userdata)
{
        _cleanup_(statement_resetp) Statement *rows = statement;
        int r;

        while ((r = statement_step(rows)) > 0) {
                const char *text = statement_text(rows, 0);

                r = text ? on_text(userdata, text) : 0;
                if (r != 0)
                        return r;
        }

        return r;
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

int statement_copy_text(const Statement *statement, int column, char **ret_text)
{
        const char *text = statement_text(statement, column);

        *ret_text = text ? strdup(text) : NULL;
        return text && !*ret_text ? -ENOMEM : 0;
}

int statement_copy_bytes(const Statement *statement, int column, void *ret_bytes, size_t size)
{
        Bytes bytes = statement_bytes(statement, column);

        if (bytes.size != size)
                return -EBADMSG;

        memcpy(ret_bytes, bytes.data, size);
        return 0;
}
