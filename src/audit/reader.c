/* SPDX-License-Identifier: MIT */
/* An audit chain, entry by entry, from wherever it rests. */

#include "audit/reader.h"

#include <fcntl.h>
#include <unistd.h>

#include "audit/export.h"
#include "audit/ledger-database.h"
#include "basic/fd.h"

#define BUFFER_SIZE (4 * AUDIT_RECORD_MAX)

struct AuditReader {
        ChainIdentity identity;

        /* A file: what was read and not yet taken lies in the buffer from `begin` to `end`. */
        int fd;
        AuditForm form;
        uint8_t *buffer;
        size_t begin, end;

        /* A database. */
        Database *database;
        Statement *entries;
        uint64_t next; /* the number to ask for */
        bool replica, asked;
};

AuditReader *audit_reader_free(AuditReader *source)
{
        if (!source)
                return NULL;

        fd_close(source->fd);
        free(source->buffer);
        statement_free(source->entries);
        database_close(source->database);
        free(source);
        return NULL;
}

const ChainIdentity *audit_reader_identity(const AuditReader *source)
{
        return &source->identity;
}

bool audit_reader_is_replica(const AuditReader *source)
{
        return source->replica;
}

bool audit_reader_has_evidence(const AuditReader *source)
{
        return source->database && !source->replica;
}

/* ---- files */

/* Reads more behind what is there. Returns the number of bytes; 0 at the end. */
static ssize_t fill(AuditReader *source)
{
        memmove(source->buffer, source->buffer + source->begin, source->end - source->begin);
        source->end -= source->begin;
        source->begin = 0;

        for (;;) {
                ssize_t n = read(source->fd, source->buffer + source->end, BUFFER_SIZE - source->end);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;

                source->end += (size_t) n;
                return n;
        }
}

static int next_in_file(AuditReader *source, AuditEntry *ret_entry)
{
        for (;;) {
                size_t used;

                int next = audit_read_entry(source->form, source->buffer + source->begin,
                                            source->end - source->begin, &used, ret_entry);
                if (next == AUDIT_NEXT_ENTRY)
                        source->begin += used;
                if (next != AUDIT_NEXT_PART)
                        return next;

                ssize_t n = fill(source);
                if (n < 0)
                        return (int) n;
                if (n == 0)
                        return source->end == source->begin ? AUDIT_NEXT_END : AUDIT_NEXT_PART;
        }
}

static int open_file(AuditReader *source)
{
        size_t used;

        source->buffer = malloc(BUFFER_SIZE);
        if (!source->buffer)
                return -ENOMEM;

        ssize_t n = fill(source);
        if (n < 0)
                return (int) n;
        if (n == 0)
                return -EBADMSG;

        source->form = source->buffer[0] == '{' ? AUDIT_FORM_JSON : AUDIT_FORM_BINARY;
        if (audit_read_head(source->form, source->buffer, source->end, &used, &source->identity) !=
            AUDIT_NEXT_ENTRY)
                return -EBADMSG;

        source->begin = used;
        return 0;
}

/* ---- databases */

/* Whether the table `state` or `replica` has a chain of this name; then fills in who it is. */
static int find_own(AuditReader *source, const char *device)
{
        static const char sql[] = "SELECT (SELECT value FROM state WHERE key = '" LEDGER_DEVICE
                                  "'), (SELECT value FROM state WHERE key = '" LEDGER_CHAIN_ID "')";
        _cleanup_(statement_freep) Statement *statement = NULL;

        int r = database_prepare(source->database, sql, &statement);
        if (r < 0)
                return r;
        r = statement_step(statement);
        if (r <= 0)
                return r < 0 ? r : -ESRCH;

        const char *name = statement_text(statement, 0);
        if (!name || (device && !streq(name, device)))
                return -ESRCH;
        if (!device_name_valid(name)) /* it would reach a terminal, and the head of an export */
                return -EBADMSG;

        memcpy(source->identity.device, name, strlen(name) + 1);
        return statement_copy_bytes(statement, 1, source->identity.chain.bytes, CHAIN_ID_SIZE);
}

static int find_replica(AuditReader *source, const char *device)
{
        _cleanup_(statement_freep) Statement *statement = NULL;

        int r = database_prepare(source->database, "SELECT chain_id FROM replica WHERE device = ?",
                                 &statement);
        if (r < 0)
                return r;
        statement_bind_text(statement, device);
        r = statement_step(statement);
        if (r <= 0)
                return r < 0 ? r : -ESRCH;
        if (!device_name_valid(device))
                return -EBADMSG;

        source->replica = true;
        memcpy(source->identity.device, device, strlen(device) + 1);
        return statement_copy_bytes(statement, 0, source->identity.chain.bytes, CHAIN_ID_SIZE);
}

static int open_database(const char *path, const char *device, AuditReader *source)
{
        int r = database_open(path, DATABASE_READ, &ledger_schema, &source->database);
        if (r < 0)
                return r;

        r = find_own(source, device);
        if (r == -ESRCH && device)
                r = find_replica(source, device);
        if (r < 0)
                return r;

        return database_prepare(source->database,
                                source->replica ? LEDGER_SELECT_REPLICA : LEDGER_SELECT_AUDIT,
                                &source->entries);
}

static void ask_entries(AuditReader *source)
{
        if (source->replica)
                statement_bind_text(source->entries, source->identity.device);
        statement_bind_integer(source->entries, (int64_t) source->next);
        statement_bind_integer(source->entries, INT64_MAX);
}

static bool get_digest(const Statement *statement, int column, Sha256 *ret_digest)
{
        return statement_copy_bytes(statement, column, ret_digest->bytes, SHA256_SIZE) == 0;
}

static int next_in_database(AuditReader *source, AuditEntry *ret_entry)
{
        const Statement *row = source->entries;

        if (!source->asked)
                ask_entries(source);

        int r = statement_step(source->entries);
        source->asked = r > 0; /* at the end it was reset: the next call asks anew */
        if (r <= 0)
                return r < 0 ? r : AUDIT_NEXT_END;

        int64_t type = statement_integer(row, LEDGER_ENTRY_TYPE);
        ret_entry->seq = (uint64_t) statement_integer(row, LEDGER_ENTRY_SEQ);
        ret_entry->time_ms = (uint64_t) statement_integer(row, LEDGER_ENTRY_TIME);
        ret_entry->type = (uint16_t) type;
        ret_entry->body = statement_bytes(row, LEDGER_ENTRY_BODY);
        source->next = ret_entry->seq + 1;
        return type >= 0 && type <= UINT16_MAX && get_digest(row, LEDGER_ENTRY_PREV, &ret_entry->prev) &&
                               get_digest(row, LEDGER_ENTRY_HASH, &ret_entry->hash)
                       ? AUDIT_NEXT_ENTRY
                       : AUDIT_NEXT_MALFORMED;
}

/* ---- either */

static bool is_database(int fd)
{
        static const char magic[] = "SQLite format 3"; /* its NUL is part of it */
        char found[sizeof magic];

        return pread(fd, found, sizeof found, 0) == (ssize_t) sizeof found &&
               memcmp(found, magic, sizeof magic) == 0;
}

int audit_reader_open(const char *path, const char *device, AuditReader **ret_source)
{
        _cleanup_(audit_reader_freep) AuditReader *source = calloc(1, sizeof *source);

        if (!source)
                return -ENOMEM;

        source->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (source->fd < 0)
                return -errno;

        int r = is_database(source->fd) ? open_database(path, device, source) : open_file(source);
        if (r < 0)
                return r;
        if (device && !streq(source->identity.device, device))
                return -ESRCH;

        *ret_source = TAKE_PTR(source);
        return 0;
}

int audit_reader_next(AuditReader *source, AuditEntry *ret_entry)
{
        return source->database ? next_in_database(source, ret_entry) : next_in_file(source, ret_entry);
}

int audit_reader_seek(AuditReader *source, uint64_t seq)
{
        if (!source->database || seq > INT64_MAX)
                return -EOPNOTSUPP;

        statement_reset(source->entries);
        source->asked = false;
        source->next = seq;
        return 0;
}

/* Calls for the first column of every row. */
static int for_each_text(Statement *statement, AuditEnvelope on_text, void *userdata)
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

int audit_reader_checkpoints(AuditReader *source, AuditEnvelope on_checkpoint, void *userdata)
{
        static const char own[] = "SELECT value FROM state WHERE key = '" LEDGER_CHECKPOINT "'";
        static const char replica[] = "SELECT checkpoint FROM replica WHERE device = ?1 UNION ALL "
                                      "SELECT seen FROM replica_proof WHERE device = ?1 UNION ALL "
                                      "SELECT claimed FROM replica_proof WHERE device = ?1";
        _cleanup_(statement_freep) Statement *statement = NULL;

        if (!source->database)
                return 0;

        int r = database_prepare(source->database, source->replica ? replica : own, &statement);
        if (r < 0)
                return r;
        if (source->replica)
                statement_bind_text(statement, source->identity.device);

        return for_each_text(statement, on_checkpoint, userdata);
}

int audit_reader_evidence(AuditReader *source, AuditEnvelope on_thing, void *userdata)
{
        _cleanup_(statement_freep) Statement *statement = NULL;

        if (!audit_reader_has_evidence(source))
                return 0;

        int r = database_prepare(source->database, "SELECT envelope FROM evidence ORDER BY rowid",
                                 &statement);
        return r < 0 ? r : for_each_text(statement, on_thing, userdata);
}

int audit_reader_devices(const char *path, AuditDevice on_device, void *userdata)
{
        static const char sql[] =
                "SELECT coalesce((SELECT value FROM state WHERE key = '" LEDGER_DEVICE "'), '')"
                " WHERE EXISTS (SELECT 1 FROM audit)"
                " OR EXISTS (SELECT 1 FROM state WHERE key = '" LEDGER_DEVICE "')"
                " UNION ALL SELECT device FROM replica";
        _cleanup_(database_closep) Database *database = NULL;
        _cleanup_(statement_freep) Statement *statement = NULL;

        int r = database_open(path, DATABASE_READ, &ledger_schema, &database);
        if (r == 0)
                r = database_prepare(database, sql, &statement);

        return r < 0 ? r : for_each_text(statement, on_device, userdata);
}
