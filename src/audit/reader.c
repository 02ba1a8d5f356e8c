/* SPDX-License-Identifier: MIT */
/* Reads an audit chain from an exported file or a ledger's database. */

#include "audit/reader.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "audit/entry-table.h"
#include "audit/ledger-database.h"
#include "audit/replica.h"
#include "basic/fd.h"

#define BUFFER_SIZE (4 * AUDIT_RECORD_MAX)

struct AuditReader {
        ChainIdentity identity;

        /* A file: the unread bytes of the buffer are those from `begin` to `end`. */
        int fd;
        AuditForm form;
        uint8_t *buffer;
        size_t begin, end;

        /* A database. */
        char *path;
        Database *database;
        Statement *entries; /* NULL: to be selected from `next` on */
        uint64_t next;
        bool replica;
};

AuditReader *audit_reader_free(AuditReader *reader)
{
        if (!reader)
                return NULL;

        fd_close(reader->fd);
        free(reader->buffer);
        database_close(reader->database);
        free(reader->path);
        free(reader);
        return NULL;
}

const ChainIdentity *audit_reader_identity(const AuditReader *reader)
{
        return &reader->identity;
}

bool audit_reader_is_replica(const AuditReader *reader)
{
        return reader->replica;
}

/* ---- files */

/* Reads more into the buffer. Returns the number of bytes; 0 at the end. */
static ssize_t fill(AuditReader *reader)
{
        memmove(reader->buffer, reader->buffer + reader->begin, reader->end - reader->begin);
        reader->end -= reader->begin;
        reader->begin = 0;

        for (;;) {
                ssize_t n = read(reader->fd, reader->buffer + reader->end, BUFFER_SIZE - reader->end);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;

                reader->end += (size_t) n;
                return n;
        }
}

static int next_in_file(AuditReader *reader, AuditEntry *ret_entry)
{
        for (;;) {
                size_t used;

                int next = audit_read_entry(reader->form, reader->buffer + reader->begin,
                                            reader->end - reader->begin, &used, ret_entry);
                if (next == AUDIT_NEXT_ENTRY)
                        reader->begin += used;
                if (next != AUDIT_NEXT_PART)
                        return next;

                ssize_t n = fill(reader);
                if (n < 0)
                        return (int) n;
                if (n == 0)
                        return reader->end == reader->begin ? AUDIT_NEXT_END : AUDIT_NEXT_PART;
        }
}

static int open_file(AuditReader *reader)
{
        size_t used;

        reader->buffer = malloc(BUFFER_SIZE);
        if (!reader->buffer)
                return -ENOMEM;

        ssize_t n = fill(reader);
        if (n < 0)
                return (int) n;
        if (n == 0)
                return -EBADMSG;

        reader->form = reader->buffer[0] == '{' ? AUDIT_FORM_JSON : AUDIT_FORM_BINARY;
        if (audit_read_head(reader->form, reader->buffer, reader->end, &used, &reader->identity) !=
            AUDIT_NEXT_ENTRY)
                return -EBADMSG;

        reader->begin = used;
        return 0;
}

/* ---- databases */

/* The own chain, also by its name, or that of a device it witnesses. */
static int find_chain(AuditReader *reader, const char *device)
{
        _cleanup_(replica_done) Replica replica = REPLICA_NULL;
        ChainIdentity own;

        int r = state_read_identity(reader->database, &own);
        if (r < 0)
                return r;
        if (r > 0 && (!device || streq(own.device, device))) {
                reader->identity = own;
                return 0;
        }

        r = device ? replica_find(reader->database, device, &replica) : 0;
        if (r <= 0)
                return r < 0 ? r : -ESRCH;
        if (!device_name_valid(device)) /* it would reach a terminal, and the head of an export */
                return -EBADMSG;

        reader->replica = true;
        reader->identity.chain = replica.seen.chain;
        memcpy(reader->identity.device, device, strlen(device) + 1);
        return 0;
}

/* A running ledger holds a lock on its directory; without one, the database is a copy. */
static DatabaseMode find_mode(const char *path)
{
        const char *slash = strrchr(path, '/');
        _cleanup_(freep) char *directory = slash ? strndup(path, (size_t) (slash - path) + 1) : strdup(".");
        _cleanup_(fd_closep) int fd = open(strempty(directory), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK ? DATABASE_READ
                                                                                   : DATABASE_READ_COPY;
}

static int open_ledger(const char *path, Database **ret_database)
{
        return database_open(path, find_mode(path), &ledger_schema, ret_database);
}

static int open_database(const char *path, const char *device, AuditReader *reader)
{
        reader->path = strdup(path);
        if (!reader->path)
                return -ENOMEM;

        int r = open_ledger(path, &reader->database);
        return r < 0 ? r : find_chain(reader, device);
}

/* A ledger has started to write what was opened as a copy. */
static int reopen(AuditReader *reader)
{
        reader->database = database_close(reader->database);
        return open_ledger(reader->path, &reader->database);
}

/* The name of the chain in the tables. */
static const char *replica_name(const AuditReader *reader)
{
        return reader->replica ? reader->identity.device : NULL;
}

static int next_in_database(AuditReader *reader, AuditEntry *ret_entry)
{
        if (!reader->entries) {
                int r = entry_table_select(reader->database, replica_name(reader), reader->next, UINT64_MAX,
                                           &reader->entries);
                if (r < 0)
                        return r;
        }

        int next = entry_table_next(reader->entries, ret_entry);
        if (next == AUDIT_NEXT_ENTRY) {
                reader->next = ret_entry->seq + 1;
                return next;
        }

        reader->entries = statement_reset(reader->entries);
        if (next == AUDIT_NEXT_END && database_has_changed(reader->database)) {
                int r = reopen(reader);
                return r < 0 ? r : next_in_database(reader, ret_entry);
        }
        return next;
}

/* ---- either */

static bool is_database(int fd)
{
        static const char magic[] = "SQLite format 3"; /* its NUL is part of it */
        char found[sizeof magic];

        return pread(fd, found, sizeof found, 0) == (ssize_t) sizeof found &&
               memcmp(found, magic, sizeof magic) == 0;
}

int audit_reader_open(const char *path, const char *device, AuditReader **ret_reader)
{
        _cleanup_(audit_reader_freep) AuditReader *reader = calloc(1, sizeof *reader);

        if (!reader)
                return -ENOMEM;

        reader->fd = fd_open_regular_at(AT_FDCWD, path, 0);
        if (reader->fd < 0)
                return reader->fd;

        int r = is_database(reader->fd) ? open_database(path, device, reader) : open_file(reader);
        if (r < 0)
                return r;
        if (device && !streq(reader->identity.device, device))
                return -ESRCH;

        *ret_reader = TAKE_PTR(reader);
        return 0;
}

int audit_reader_next(AuditReader *reader, AuditEntry *ret_entry)
{
        return reader->database ? next_in_database(reader, ret_entry) : next_in_file(reader, ret_entry);
}

int audit_reader_seek(AuditReader *reader, uint64_t seq)
{
        if (!reader->database)
                return -EOPNOTSUPP;

        if (reader->entries)
                reader->entries = statement_reset(reader->entries);
        reader->next = seq;
        return 0;
}

/* ---- what a database has besides entries */

bool audit_reader_is_stale(const AuditReader *reader)
{
        return reader->database && database_has_changed(reader->database);
}

int audit_reader_checkpoints(AuditReader *reader, StatementTextHandler on_checkpoint, void *userdata)
{
        _cleanup_(freep) char *checkpoint = NULL;

        if (!reader->database)
                return 0;
        if (reader->replica)
                return replica_for_each_checkpoint(reader->database, reader->identity.device, on_checkpoint,
                                                   userdata);

        int r = state_read_text(reader->database, LEDGER_CHECKPOINT, &checkpoint);
        return r <= 0 ? r : on_checkpoint(userdata, checkpoint);
}

int audit_reader_evidence(AuditReader *reader, StatementTextHandler on_envelope, void *userdata)
{
        return reader->database
                       ? evidence_for_each(reader->database, replica_name(reader), on_envelope, userdata)
                       : 0;
}

int audit_reader_open_evidence(AuditReader *reader, AuditEvidence **ret_evidence)
{
        if (!reader->database)
                return 0;

        int r = audit_evidence_open(&reader->database, replica_name(reader), ret_evidence);
        return r < 0 ? r : 1;
}

/* The name in the table `state`, or "" for entries that have none. NULL: no chain. */
static int read_own_name(Database *database, char **ret_name)
{
        uint64_t count = 0;

        int r = state_read_text(database, LEDGER_DEVICE, ret_name);
        if (r == 0)
                r = entry_table_count(database, &count);
        if (r == 0 && count > 0) {
                *ret_name = strdup("");
                r = *ret_name ? 0 : -ENOMEM;
        }

        return MIN(r, 0);
}

int audit_reader_devices(const char *path, StatementTextHandler on_device, void *userdata)
{
        _cleanup_(database_closep) Database *database = NULL;
        _cleanup_(freep) char *own = NULL;

        int r = open_ledger(path, &database);
        if (r == 0)
                r = read_own_name(database, &own);
        if (r == 0 && own)
                r = on_device(userdata, own);

        return r != 0 ? r : replica_for_each_device(database, on_device, userdata);
}
