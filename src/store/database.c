/* SPDX-License-Identifier: MIT */
/* A durable and strict SQLite database. */

#include "store/database.h"

#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>

#define BUSY_MS 2000

struct Database {
        sqlite3 *handle;
};

struct Statement {
        sqlite3_stmt *handle;
        int bound; /* number of values */
        int error; /* of binding: 0 or -errno */
};

static int error_of(int code)
{
        switch (code & 0xff) {
        case SQLITE_OK:
        case SQLITE_ROW:
        case SQLITE_DONE:
                return 0;
        case SQLITE_FULL:
                return -ENOSPC;
        case SQLITE_NOMEM:
                return -ENOMEM;
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
                return -EBUSY;
        case SQLITE_CONSTRAINT:
                return -EEXIST;
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
        case SQLITE_SCHEMA:
        case SQLITE_MISMATCH:
                return -EBADMSG;
        case SQLITE_READONLY:
                return -EROFS;
        case SQLITE_CANTOPEN:
        case SQLITE_PERM:
        case SQLITE_AUTH:
                return -EACCES;
        case SQLITE_TOOBIG:
                return -EFBIG;
        default:
                return code == SQLITE_IOERR_NOMEM ? -ENOMEM : -EIO;
        }
}

int database_run(Database *database, const char *sql)
{
        return error_of(sqlite3_exec(database->handle, sql, NULL, NULL, NULL));
}

/* The first row, which must exist; the caller frees the statement. */
static int query_row(Database *database, const char *sql, Statement **ret_statement)
{
        _cleanup_(statement_freep) Statement *statement = NULL;

        int r = database_prepare(database, sql, &statement);
        if (r < 0)
                return r;
        r = statement_step(statement);
        if (r <= 0)
                return r < 0 ? r : -EBADMSG;

        *ret_statement = TAKE_PTR(statement);
        return 0;
}

/* One integer, the result of most pragmas. */
static int query_integer(Database *database, const char *sql, int64_t *ret_value)
{
        _cleanup_(statement_freep) Statement *statement = NULL;

        int r = query_row(database, sql, &statement);
        if (r < 0)
                return r;

        *ret_value = statement_integer(statement, 0);
        return 0;
}

static int harden(Database *database)
{
        static const struct {
                int option, value;
        } options[] = {
                { SQLITE_DBCONFIG_DEFENSIVE, 1 },   { SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0 },
                { SQLITE_DBCONFIG_DQS_DDL, 0 },     { SQLITE_DBCONFIG_DQS_DML, 0 },
                { SQLITE_DBCONFIG_ENABLE_FKEY, 1 }, { SQLITE_DBCONFIG_ENABLE_VIEW, 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(options); i++) {
                int r = error_of(
                        sqlite3_db_config(database->handle, options[i].option, options[i].value, NULL));
                if (r < 0)
                        return r;
        }

        (void) sqlite3_extended_result_codes(database->handle, true);
        (void) sqlite3_limit(database->handle, SQLITE_LIMIT_ATTACHED, 0);
        (void) sqlite3_limit(database->handle, SQLITE_LIMIT_LENGTH, 4 * 1024 * 1024);
        return error_of(sqlite3_busy_timeout(database->handle, BUSY_MS));
}

/* The cache holds the upper pages of the trees; the WAL is truncated to what one checkpoint needs. */
static int configure(Database *database)
{
        static const char settings[] = "PRAGMA journal_mode=WAL;"
                                       "PRAGMA synchronous=FULL;"
                                       "PRAGMA cache_size=-512;"
                                       "PRAGMA cell_size_check=ON;"
                                       "PRAGMA temp_store=MEMORY;"
                                       "PRAGMA journal_size_limit=4194304;";
        int64_t synchronous;

        int r = database_run(database, settings);
        if (r < 0)
                return r;
        r = query_integer(database, "PRAGMA synchronous", &synchronous);
        if (r < 0)
                return r;

        return synchronous == 2 ? 0 : -EIO;
}

static int migrate_one(Database *database, const DatabaseSchema *schema, size_t version)
{
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;
        char mark[96];

        int r = transaction_begin(database, &transaction);
        if (r < 0)
                return r;
        r = database_run(database, schema->migrations[version]);
        if (r < 0)
                return r;

        (void) snprintf(mark, sizeof mark, "PRAGMA application_id=%" PRIu32 "; PRAGMA user_version=%zu",
                        schema->application_id, version + 1);
        r = database_run(database, mark);
        if (r < 0)
                return r;

        return transaction_commit(&transaction);
}

/* ---- schema */

/* All tables and indexes, as SQL; the caller frees it. Statistics are SQLite's own. */
static int read_tables(Database *database, char **ret_sql)
{
        static const char sql[] =
                "SELECT group_concat(sql, ';') FROM (SELECT sql FROM sqlite_schema"
                " WHERE type <> 'trigger' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name)";
        _cleanup_(statement_freep) Statement *statement = NULL;

        int r = query_row(database, sql, &statement);
        if (r < 0)
                return r;

        const char *text = statement_text(statement, 0);
        char *copy = strdup(text ? text : "");
        if (!copy)
                return -ENOMEM;

        *ret_sql = copy;
        return 0;
}

/* Whether the tables are those of the migrations. A hostile file could otherwise make us
 * search where there is no index, or compute what is nowhere stored. */
static int check_tables(Database *database, const DatabaseSchema *schema, size_t version)
{
        _cleanup_(database_closep) Database *model = calloc(1, sizeof *model);
        _cleanup_(freep) char *wanted = NULL, *found = NULL;

        if (!model)
                return -ENOMEM;

        int r = error_of(sqlite3_open_v2(":memory:", &model->handle, SQLITE_OPEN_READWRITE, NULL));
        for (size_t i = 0; r == 0 && i < version; i++)
                r = database_run(model, schema->migrations[i]);
        if (r == 0)
                r = read_tables(model, &wanted);
        if (r == 0)
                r = read_tables(database, &found);
        if (r < 0)
                return r;

        return streq(wanted, found) ? 0 : -EBADMSG;
}

/* Checks application id and version, and migrates to the newest. A new file has neither number. */
static int migrate(Database *database, DatabaseMode mode, const DatabaseSchema *schema)
{
        int64_t version, application;

        int r = query_integer(database, "PRAGMA user_version", &version);
        if (r < 0)
                return r;
        r = query_integer(database, "PRAGMA application_id", &application);
        if (r < 0)
                return r;

        bool is_new = version == 0 && application == 0;
        if (version < 0 || (!is_new && (uint32_t) application != schema->application_id))
                return -EBADMSG;
        if ((uint64_t) version > schema->n_migrations)
                return -EPROTONOSUPPORT;
        if (mode == DATABASE_READ)
                return is_new ? -EBADMSG : check_tables(database, schema, (size_t) version);

        for (size_t next = (size_t) version; next < schema->n_migrations; next++) {
                r = migrate_one(database, schema, next);
                if (r < 0)
                        return r;
        }

        return 0;
}

int database_open(const char *path, DatabaseMode mode, const DatabaseSchema *schema, Database **ret_database)
{
        _cleanup_(database_closep) Database *database = calloc(1, sizeof *database);
        int flags =
                SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_EXRESCODE |
                (mode == DATABASE_READ ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);

        if (!database)
                return -ENOMEM;

        int r = error_of(sqlite3_open_v2(path, &database->handle, flags, NULL));
        if (r < 0)
                return r;
        r = harden(database);
        if (r < 0)
                return r;
        if (mode == DATABASE_OWN) {
                r = configure(database);
                if (r < 0)
                        return r;
        }
        r = migrate(database, mode, schema);
        if (r < 0)
                return r;

        *ret_database = TAKE_PTR(database);
        return 0;
}

Database *database_close(Database *database)
{
        if (!database)
                return NULL;

        /* v2: closed when the last statement is freed. */
        (void) sqlite3_close_v2(database->handle);
        free(database);
        return NULL;
}

void database_trim(Database *database)
{
        (void) sqlite3_db_release_memory(database->handle);
}

const char *database_problem(Database *database)
{
        return sqlite3_errmsg(database->handle);
}

/* ---- transactions */

int transaction_begin(Database *database, Transaction *ret_transaction)
{
        assert(sqlite3_get_autocommit(database->handle));

        int r = database_run(database, "BEGIN IMMEDIATE");
        if (r < 0)
                return r;

        *ret_transaction = (Transaction){ database };
        return 0;
}

int transaction_commit(Transaction *transaction)
{
        assert(transaction->database);

        /* After some errors SQLite has rolled back by itself; a COMMIT would then succeed without effect. */
        if (sqlite3_get_autocommit(transaction->database->handle)) {
                *transaction = TRANSACTION_NULL;
                return -EIO;
        }

        int r = database_run(transaction->database, "COMMIT");
        if (r < 0)
                return r; /* transaction_done() rolls back */

        *transaction = TRANSACTION_NULL;
        return 0;
}

void transaction_done(Transaction *transaction)
{
        Database *database = TAKE_PTR(transaction->database);

        if (database && !sqlite3_get_autocommit(database->handle))
                (void) database_run(database, "ROLLBACK");
}

/* ---- statements */

int database_prepare(Database *database, const char *sql, Statement **ret_statement)
{
        _cleanup_(statement_freep) Statement *statement = calloc(1, sizeof *statement);

        if (!statement)
                return -ENOMEM;

        int r = error_of(sqlite3_prepare_v3(database->handle, sql, -1, SQLITE_PREPARE_PERSISTENT,
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
                statement->error = error_of(code);
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
                r = error_of(code);
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
