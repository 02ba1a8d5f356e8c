/* SPDX-License-Identifier: MIT */
/* Reads and writes entries in the tables `audit` and `replica_audit`. */

#include "audit/entry-table.h"

#define COLUMNS "seq, prev, time_ms, type, body, hash"

enum { COLUMN_SEQ, COLUMN_PREV, COLUMN_TIME, COLUMN_TYPE, COLUMN_BODY, COLUMN_HASH };

/* SQLite has signed integers only. */
static int64_t bounded(uint64_t value)
{
        return (int64_t) MIN(value, (uint64_t) INT64_MAX);
}

int entry_table_select(Database *database, const char *device, uint64_t from, uint64_t max,
                       Statement **ret_select)
{
        if (!device)
                return query(database, ret_select,
                             "SELECT " COLUMNS " FROM audit WHERE seq >= ? ORDER BY seq LIMIT ?", "ii",
                             bounded(from), bounded(max));

        return query(database, ret_select,
                     "SELECT " COLUMNS " FROM replica_audit WHERE device = ? AND seq >= ?"
                     " ORDER BY seq LIMIT ?",
                     "tii", device, bounded(from), bounded(max));
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
        _cleanup_(statement_resetp) Statement *rows = NULL;

        int r = device ? query(database, &rows,
                               "SELECT hash FROM replica_audit WHERE device = ? AND seq = ?", "ti", device,
                               bounded(seq))
                       : query(database, &rows, "SELECT hash FROM audit WHERE seq = ?", "i", bounded(seq));
        if (r == 0)
                r = statement_step(rows);
        if (r <= 0)
                return r;

        r = statement_copy_bytes(rows, 0, ret_hash->bytes, SHA256_SIZE);
        return r < 0 ? r : 1;
}

int entry_table_count(Database *database, uint64_t *ret_count)
{
        int64_t count;

        int r = query_integer(database, &count, "SELECT coalesce(max(seq) + 1, 0) FROM audit", "");
        if (r <= 0)
                return r < 0 ? r : -EBADMSG;

        *ret_count = (uint64_t) count;
        return 0;
}

int entry_table_insert(Database *database, const char *device, const AuditEntry *entry)
{
        static const char own[] = "INSERT INTO audit(" COLUMNS ") VALUES(?, ?, ?, ?, ?, ?)";
        static const char replica[] =
                "INSERT INTO replica_audit(" COLUMNS ", device) VALUES(?, ?, ?, ?, ?, ?, ?)";

        return query_run(database, device ? replica : own, device ? "ibiibbt" : "ibiibb",
                         (int64_t) entry->seq, BYTES_OF(entry->prev.bytes), (int64_t) entry->time_ms,
                         (int64_t) entry->type, entry->body, BYTES_OF(entry->hash.bytes), device);
}
