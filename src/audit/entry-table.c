/* SPDX-License-Identifier: MIT */
/* Reads and writes entries in the tables `audit` and `replica_audit`. */

#include "audit/entry-table.h"

#define COLUMNS "seq, prev, time_ms, type, body, hash"

enum { COLUMN_SEQ, COLUMN_PREV, COLUMN_TIME, COLUMN_TYPE, COLUMN_BODY, COLUMN_HASH };

static const struct {
        const char *select, *find_hash, *insert;
} own = {
        .select = "SELECT " COLUMNS " FROM audit WHERE seq >= ? ORDER BY seq LIMIT ?",
        .find_hash = "SELECT hash FROM audit WHERE seq = ?",
        .insert = "INSERT INTO audit(" COLUMNS ") VALUES(?, ?, ?, ?, ?, ?)",
}, replica = {
        .select = "SELECT " COLUMNS " FROM replica_audit WHERE device = ? AND seq >= ? ORDER BY seq LIMIT ?",
        .find_hash = "SELECT hash FROM replica_audit WHERE device = ? AND seq = ?",
        .insert = "INSERT INTO replica_audit(device, " COLUMNS ") VALUES(?, ?, ?, ?, ?, ?, ?)",
};

/* SQLite has signed integers only. */
static int64_t bounded(uint64_t value)
{
        return (int64_t) MIN(value, (uint64_t) INT64_MAX);
}

int entry_table_select(Database *database, const char *device, uint64_t from, uint64_t max,
                       Statement **ret_select)
{
        Statement *select;

        int r = database_prepare(database, device ? replica.select : own.select, &select);
        if (r < 0)
                return r;
        if (device)
                statement_bind_text(select, device);
        statement_bind_integer(select, bounded(from));
        statement_bind_integer(select, bounded(max));

        *ret_select = select;
        return 0;
}

int entry_table_next(Statement *select, AuditEntry *ret_entry)
{
        int r = statement_step(select);
        if (r <= 0)
                return r < 0 ? r : AUDIT_NEXT_END;

        int64_t type = statement_integer(select, COLUMN_TYPE);
        AuditEntry entry = {
                .seq = (uint64_t) statement_integer(select, COLUMN_SEQ),
                .time_ms = (uint64_t) statement_integer(select, COLUMN_TIME),
                .type = (uint16_t) type,
                .body = statement_bytes(select, COLUMN_BODY),
        };
        if (type < 0 || type > UINT16_MAX ||
            statement_copy_bytes(select, COLUMN_PREV, entry.prev.bytes, SHA256_SIZE) < 0 ||
            statement_copy_bytes(select, COLUMN_HASH, entry.hash.bytes, SHA256_SIZE) < 0)
                return AUDIT_NEXT_MALFORMED;

        *ret_entry = entry;
        return AUDIT_NEXT_ENTRY;
}

int entry_table_find_hash(Database *database, const char *device, uint64_t seq, Sha256 *ret_hash)
{
        _cleanup_(statement_freep) Statement *find = NULL;

        int r = database_prepare(database, device ? replica.find_hash : own.find_hash, &find);
        if (r < 0)
                return r;
        if (device)
                statement_bind_text(find, device);
        statement_bind_integer(find, bounded(seq));
        r = statement_step(find);
        if (r <= 0)
                return r;

        r = statement_copy_bytes(find, 0, ret_hash->bytes, SHA256_SIZE);
        return r < 0 ? r : 1;
}

int entry_table_count(Database *database, uint64_t *ret_count)
{
        _cleanup_(statement_freep) Statement *select = NULL;

        int r = database_prepare(database, "SELECT coalesce(max(seq) + 1, 0) FROM audit", &select);
        if (r < 0)
                return r;
        r = statement_step(select);
        if (r <= 0)
                return r < 0 ? r : -EBADMSG;

        *ret_count = (uint64_t) statement_integer(select, 0);
        return 0;
}

int entry_table_prepare_insert(Database *database, const char *device, Statement **ret_insert)
{
        return database_prepare(database, device ? replica.insert : own.insert, ret_insert);
}

int entry_table_insert(Statement *insert, const char *device, const AuditEntry *entry)
{
        if (device)
                statement_bind_text(insert, device);
        statement_bind_integer(insert, (int64_t) entry->seq);
        statement_bind_bytes(insert, BYTES_OF(entry->prev.bytes));
        statement_bind_integer(insert, (int64_t) entry->time_ms);
        statement_bind_integer(insert, entry->type);
        statement_bind_bytes(insert, entry->body);
        statement_bind_bytes(insert, BYTES_OF(entry->hash.bytes));
        return statement_run(insert);
}
