/* SPDX-License-Identifier: MIT */
/* A durable and strict SQLite database. */

#include "store/database-internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "basic/text.h"

#define BUSY_MS 2000

int database_error(int code)
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
                return code == SQLITE_IOERR_NOMEM     ? -ENOMEM
                       : code == SQLITE_IOERR_SHMSIZE ? -ENOSPC /* the index of the WAL cannot grow */
                                                      : -EIO;
        }
}

int database_run(Database *database, const char *sql)
{
        return database_error(sqlite3_exec(database->handle, sql, NULL, NULL, NULL));
}

/* sqlite3_exec: stops at the first row. */
static int on_row(void *userdata, int n, char **values, char **names)
{
        char **ret_text = userdata;

        *ret_text = strdup(strempty(values[0]));
        return 1;
}

/* The first column of the first row, which must exist; the caller frees it. */
static int read_text(Database *database, const char *sql, char **ret_text)
{
        char *text = NULL;
        int code = sqlite3_exec(database->handle, sql, on_row, &text, NULL);

        if (!text) {
                int r = (code & 0xff) == SQLITE_ABORT ? -ENOMEM : database_error(code);
                return r < 0 ? r : -EBADMSG;
        }

        *ret_text = text;
        return 0;
}

/* One integer, the result of most pragmas. */
static int read_integer(Database *database, const char *sql, int64_t *ret_value)
{
        _cleanup_(freep) char *text = NULL;

        int r = read_text(database, sql, &text);
        if (r < 0)
                return r;

        *ret_value = strtoll(text, NULL, 10);
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
                int r = database_error(
                        sqlite3_db_config(database->handle, options[i].option, options[i].value, NULL));
                if (r < 0)
                        return r;
        }

        (void) sqlite3_extended_result_codes(database->handle, true);
        (void) sqlite3_limit(database->handle, SQLITE_LIMIT_ATTACHED, 0);
        (void) sqlite3_limit(database->handle, SQLITE_LIMIT_LENGTH, 4 * 1024 * 1024);
        return database_error(sqlite3_busy_timeout(database->handle, BUSY_MS));
}

/* The cache holds the upper pages of the trees; the WAL is truncated to what one checkpoint needs. */
static int configure(Database *database)
{
        static const char settings[] = "PRAGMA journal_mode=WAL;"
                                       "PRAGMA synchronous=FULL;"
                                       "PRAGMA cache_size=-128;"
                                       "PRAGMA cell_size_check=ON;"
                                       "PRAGMA temp_store=MEMORY;"
                                       "PRAGMA journal_size_limit=4194304;";
        int64_t synchronous;

        int r = database_run(database, settings);
        if (r < 0)
                return r;
        r = read_integer(database, "PRAGMA synchronous", &synchronous);
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

        return read_text(database, sql, ret_sql);
}

/* Whether the tables are those of the migrations. A hostile file could otherwise make us
 * search where there is no index, or compute what is nowhere stored. */
static int check_tables(Database *database, const DatabaseSchema *schema, size_t version)
{
        _cleanup_(database_closep) Database *model = calloc(1, sizeof *model);
        _cleanup_(freep) char *wanted = NULL, *found = NULL;

        if (!model)
                return -ENOMEM;

        int r = database_error(sqlite3_open_v2(":memory:", &model->handle, SQLITE_OPEN_READWRITE, NULL));
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

        int r = read_integer(database, "PRAGMA user_version", &version);
        if (r < 0)
                return r;
        r = read_integer(database, "PRAGMA application_id", &application);
        if (r < 0)
                return r;

        bool is_new = version == 0 && application == 0;
        if (version < 0 || (!is_new && (uint32_t) application != schema->application_id))
                return -EBADMSG;
        if ((uint64_t) version > schema->n_migrations)
                return -EPROTONOSUPPORT;
        if (mode != DATABASE_OWN)
                return is_new ? -EBADMSG : check_tables(database, schema, (size_t) version);

        for (size_t next = (size_t) version; next < schema->n_migrations; next++) {
                r = migrate_one(database, schema, next);
                if (r < 0)
                        return r;
        }

        return 0;
}

/* ---- copies */

/* Zero where there is no file. */
static int read_version(const char *path, Version *ret_version)
{
        _cleanup_(text_done) Text wal = TEXT_NULL;
        struct stat st[2] = { 0 };

        text_appendf(&wal, "%s-wal", path);
        if (wal.error < 0)
                return wal.error;

        (void) stat(path, &st[0]);
        (void) stat(wal.data, &st[1]);
        *ret_version = (Version){ { st[0].st_mtim, st[1].st_mtim }, { st[0].st_size, st[1].st_size } };
        return 0;
}

bool database_has_changed(const Database *database)
{
        Version now;

        return database->path && read_version(database->path, &now) == 0 &&
               memcmp(&now, &database->version, sizeof now) != 0;
}

/* Without a WAL the file is complete and never changes. */
static int open_immutable(const char *path, int flags, sqlite3 **ret_handle)
{
        static const char plain[] = "/._-abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
        _cleanup_(text_done) Text uri = TEXT_NULL;

        text_append(&uri, "file:");
        for (const char *at = path; *at != '\0'; at++)
                if (strchr(plain, *at))
                        text_append_bytes(&uri, at, 1);
                else
                        text_appendf(&uri, "%%%02x", (unsigned char) *at);
        text_append(&uri, "?immutable=1");
        if (uri.error < 0)
                return uri.error;

        return database_error(sqlite3_open_v2(uri.data, ret_handle, flags | SQLITE_OPEN_URI, NULL));
}

/* With a WAL, of a crash or copied with the file: its index is kept in memory, and it is not checkpointed.
 */
static int open_with_wal(const char *path, int flags, sqlite3 **ret_handle)
{
        int r = database_error(sqlite3_open_v2(path, ret_handle, flags, "unix-none"));
        if (r < 0)
                return r;
        r = database_error(sqlite3_db_config(*ret_handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL));
        if (r < 0)
                return r;

        return database_error(sqlite3_exec(*ret_handle, "PRAGMA locking_mode=EXCLUSIVE", NULL, NULL, NULL));
}

static int open_copy(Database *database, const char *path, int flags)
{
        database->path = strdup(path);
        if (!database->path)
                return -ENOMEM;

        int r = read_version(path, &database->version);
        if (r < 0)
                return r;

        return database->version.size[1] > 0 ? open_with_wal(path, flags, &database->handle)
                                             : open_immutable(path, flags, &database->handle);
}

/* ---- opening */

/* The file without symbolic links, which SQLite does not follow; the last component of our own may not be
 * one.
 */
static int resolve(const char *path, DatabaseMode mode, char **ret_path)
{
        const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
        _cleanup_(freep) char *folder = slash ? strndup(path, (size_t) (slash - path) + 1) : strdup(".");
        _cleanup_(freep) char *real = NULL;
        _cleanup_(text_done) Text text = TEXT_NULL;
        struct stat st;

        if (!folder)
                return -ENOMEM;

        real = realpath(mode == DATABASE_OWN ? folder : path, NULL);
        if (!real)
                return -errno;
        if (mode == DATABASE_OWN) {
                text_appendf(&text, "%s/%s", real, name);
                free(TAKE_PTR(real));
                int r = text_take(&text, &real, NULL);
                if (r < 0)
                        return r;
        }
        if (lstat(real, &st) == 0 && !S_ISREG(st.st_mode))
                return S_ISLNK(st.st_mode) ? -ELOOP : S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;

        *ret_path = TAKE_PTR(real);
        return 0;
}

static int open_file(Database *database, const char *path, DatabaseMode mode)
{
        int flags =
                SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_EXRESCODE |
                (mode == DATABASE_OWN ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY);
        _cleanup_(freep) char *real = NULL;

        int r = resolve(path, mode, &real);
        if (r < 0)
                return r;

        return mode == DATABASE_READ_COPY
                       ? open_copy(database, real, flags)
                       : database_error(sqlite3_open_v2(real, &database->handle, flags, NULL));
}

int database_open(const char *path, DatabaseMode mode, const DatabaseSchema *schema, Database **ret_database)
{
        _cleanup_(database_closep) Database *database = calloc(1, sizeof *database);

        if (!database)
                return -ENOMEM;

        int r = open_file(database, path, mode);
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

        statements_free(database->statements);
        (void) sqlite3_close_v2(database->handle);
        free(database->path);
        free(database);
        return NULL;
}

int database_check(Database *database)
{
        _cleanup_(freep) char *text = NULL;

        int r = read_text(database, "PRAGMA integrity_check(1)", &text);
        return r < 0 ? r : streq(text, "ok") ? 0 : -EBADMSG;
}

const char *database_path(const Database *database)
{
        return sqlite3_db_filename(database->handle, "main");
}

void database_trim(Database *database)
{
        (void) sqlite3_db_release_memory(database->handle);
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
