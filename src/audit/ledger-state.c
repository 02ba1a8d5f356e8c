/* SPDX-License-Identifier: MIT */
/* The few single values that the ledger remembers. */

#include "audit/ledger-state.h"

/* 1: the statement stands on the row; 0: there is none. */
static int find(Database *database, const char *key, Statement **ret_statement)
{
        _cleanup_(statement_freep) Statement *statement = NULL;

        int r = database_prepare(database, "SELECT value FROM state WHERE key = ?", &statement);
        if (r < 0)
                return r;
        statement_bind_text(statement, key);
        r = statement_step(statement);
        if (r > 0)
                *ret_statement = TAKE_PTR(statement);
        return r;
}

int state_read_integer(Database *database, const char *key, int64_t *ret_value)
{
        _cleanup_(statement_freep) Statement *statement = NULL;

        int r = find(database, key, &statement);
        if (r > 0)
                *ret_value = statement_integer(statement, 0);
        return r;
}

int state_read_text(Database *database, const char *key, char **ret_value)
{
        _cleanup_(statement_freep) Statement *statement = NULL;

        int r = find(database, key, &statement);
        if (r <= 0)
                return r;

        char *value = strdup(strempty(statement_text(statement, 0)));
        if (!value)
                return -ENOMEM;

        *ret_value = value;
        return 1;
}

int state_read_bytes(Database *database, const char *key, void *ret_bytes, size_t size)
{
        _cleanup_(statement_freep) Statement *statement = NULL;

        int r = find(database, key, &statement);
        if (r <= 0)
                return r;

        r = statement_copy_bytes(statement, 0, ret_bytes, size);
        return r < 0 ? r : 1;
}

static int prepare_write(Database *database, const char *key, Statement **ret_statement)
{
        int r = database_prepare(database,
                                 "INSERT INTO state(key, value) VALUES(?, ?)"
                                 " ON CONFLICT(key) DO UPDATE SET value = excluded.value",
                                 ret_statement);
        if (r == 0)
                statement_bind_text(*ret_statement, key);
        return r;
}

int state_write_integer(Database *database, const char *key, int64_t value)
{
        _cleanup_(statement_freep) Statement *statement = NULL;

        int r = prepare_write(database, key, &statement);
        if (r < 0)
                return r;
        statement_bind_integer(statement, value);
        return statement_run(statement);
}

int state_write_text(Database *database, const char *key, const char *value)
{
        _cleanup_(statement_freep) Statement *statement = NULL;

        int r = prepare_write(database, key, &statement);
        if (r < 0)
                return r;
        statement_bind_text(statement, value);
        return statement_run(statement);
}

int state_write_bytes(Database *database, const char *key, Bytes value)
{
        _cleanup_(statement_freep) Statement *statement = NULL;

        int r = prepare_write(database, key, &statement);
        if (r < 0)
                return r;
        statement_bind_bytes(statement, value);
        return statement_run(statement);
}
