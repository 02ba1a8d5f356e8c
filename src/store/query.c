/* SPDX-License-Identifier: MIT */
/* Statements by their text. */

#include "store/query.h"

#include <stdarg.h>

typedef struct Prepared {
        const char *sql;
        Statement *statement;
} Prepared;

struct Queries {
        Database *database;
        Prepared *prepared;
        size_t n_prepared, room;
};

int queries_new(Database *database, Queries **ret_queries)
{
        Queries *queries = calloc(1, sizeof *queries);

        if (!queries)
                return -ENOMEM;

        queries->database = database;
        *ret_queries = queries;
        return 0;
}

Queries *queries_free(Queries *queries)
{
        if (!queries)
                return NULL;

        for (size_t i = 0; i < queries->n_prepared; i++)
                statement_free(queries->prepared[i].statement);
        free(queries->prepared);
        free(queries);
        return NULL;
}

static int prepare(Queries *queries, const char *sql, Statement **ret_statement)
{
        for (size_t i = 0; i < queries->n_prepared; i++)
                if (queries->prepared[i].sql == sql) {
                        *ret_statement = queries->prepared[i].statement;
                        return 0;
                }

        if (queries->n_prepared == queries->room) {
                size_t room = MAX(2 * queries->room, (size_t) 32);
                Prepared *more = realloc(queries->prepared, room * sizeof *more);

                if (!more)
                        return -ENOMEM;
                queries->prepared = more;
                queries->room = room;
        }

        int r = database_prepare(queries->database, sql, ret_statement);
        if (r < 0)
                return r;

        queries->prepared[queries->n_prepared++] = (Prepared){ sql, *ret_statement };
        return 0;
}

static int begin(Queries *queries, Statement **ret_rows, const char *sql, const char *types,
                 va_list *arguments)
{
        int r = prepare(queries, sql, ret_rows);
        if (r < 0)
                return r;

        for (const char *type = types; *type; type++)
                switch (*type) {
                case 'i':
                        statement_bind_integer(*ret_rows, va_arg(*arguments, int64_t));
                        break;
                case 't':
                        statement_bind_text(*ret_rows, va_arg(*arguments, const char *));
                        break;
                case 'b':
                        statement_bind_bytes(*ret_rows, va_arg(*arguments, Bytes));
                        break;
                default:
                        assert(!"a type of query()");
                }
        return 0;
}

/* Defines `r` as what begin() returns for the variable arguments behind `types`. */
#define BEGIN(queries, ret_rows, sql, types)                                                                \
        va_list arguments;                                                                                  \
        va_start(arguments, types);                                                                         \
        int r = begin(queries, ret_rows, sql, types, &arguments);                                           \
        va_end(arguments)

int query(Queries *queries, Statement **ret_rows, const char *sql, const char *types, ...)
{
        Statement *rows;

        BEGIN(queries, &rows, sql, types);
        if (r < 0)
                return r;

        *ret_rows = rows;
        return 0;
}

int query_run(Queries *queries, const char *sql, const char *types, ...)
{
        Statement *rows;

        BEGIN(queries, &rows, sql, types);
        return r < 0 ? r : statement_run(rows);
}

int query_integer(Queries *queries, int64_t *ret_value, const char *sql, const char *types, ...)
{
        _cleanup_(statement_resetp) Statement *rows = NULL;

        BEGIN(queries, &rows, sql, types);
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

int query_text(Queries *queries, char **ret_text, const char *sql, const char *types, ...)
{
        _cleanup_(statement_resetp) Statement *rows = NULL;

        BEGIN(queries, &rows, sql, types);
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
