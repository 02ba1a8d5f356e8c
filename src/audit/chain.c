/* SPDX-License-Identifier: MIT */
/* The device's own audit chain in the database. */

#include "audit/chain.h"

#include <stdio.h>

#include "audit/ledger-database.h"
#include "codec/binary-text.h"

/* The body is borrowed from the statement. */
static int entry_from_row(const Statement *row, AuditEntry *ret_entry)
{
        AuditEntry entry = {
                .seq = (uint64_t) statement_integer(row, LEDGER_ENTRY_SEQ),
                .time_ms = (uint64_t) statement_integer(row, LEDGER_ENTRY_TIME),
                .type = (uint16_t) statement_integer(row, LEDGER_ENTRY_TYPE),
                .body = statement_bytes(row, LEDGER_ENTRY_BODY),
        };

        if (statement_copy_bytes(row, LEDGER_ENTRY_PREV, entry.prev.bytes, SHA256_SIZE) < 0 ||
            statement_copy_bytes(row, LEDGER_ENTRY_HASH, entry.hash.bytes, SHA256_SIZE) < 0)
                return -EBADMSG;

        *ret_entry = entry;
        return 0;
}

int chain_read_selected(Statement *select, AuditEntryHandler reader, void *userdata)
{
        AuditEntry entry;

        for (;;) {
                int r = statement_step(select);
                if (r <= 0)
                        return r;
                r = entry_from_row(select, &entry);
                if (r < 0)
                        return r;
                r = reader(&entry, userdata);
                if (r != 0)
                        return r < 0 ? r : 0;
        }
}

int chain_read(Chain *chain, uint64_t from, uint64_t max, AuditEntryHandler reader, void *userdata)
{
        _cleanup_(statement_resetp) Statement *select = chain->select;

        statement_bind_integer(select, (int64_t) MIN(from, (uint64_t) INT64_MAX));
        statement_bind_integer(select, (int64_t) MIN(max, (uint64_t) INT64_MAX));
        return chain_read_selected(select, reader, userdata);
}

static int read_hash(Chain *chain, uint64_t seq, Sha256 *ret_hash)
{
        _cleanup_(statement_resetp) Statement *select = chain->select_hash;

        statement_bind_integer(select, (int64_t) seq);
        int r = statement_step(select);
        if (r <= 0)
                return r < 0 ? r : -ENOENT;

        return statement_copy_bytes(select, 0, ret_hash->bytes, SHA256_SIZE);
}

int chain_checkpoint(Chain *chain, uint64_t size, Checkpoint *ret_checkpoint)
{
        const ChainCursor *cursor = &chain->committed;
        Checkpoint checkpoint = { .chain = cursor->chain, .size = cursor->size, .head = cursor->head };

        if (!chain_exists(chain) || cursor->size == 0 || size > cursor->size)
                return -ENOENT;
        if (size > 0 && size < cursor->size) {
                checkpoint.size = size;
                int r = read_hash(chain, size - 1, &checkpoint.head);
                if (r < 0)
                        return r;
        }

        memcpy(checkpoint.device, chain->device, sizeof checkpoint.device);
        *ret_checkpoint = checkpoint;
        return 0;
}

/* ---- opening */

static int prepare(Chain *chain)
{
        int r = database_prepare(
                chain->database,
                "INSERT INTO audit(seq, prev, time_ms, type, body, hash) VALUES(?, ?, ?, ?, ?, ?)",
                &chain->insert);
        if (r < 0)
                return r;
        r = database_prepare(chain->database, LEDGER_SELECT_AUDIT, &chain->select);
        if (r < 0)
                return r;

        return database_prepare(chain->database, "SELECT hash FROM audit WHERE seq = ?",
                                &chain->select_hash);
}

static int step(const AuditEntry *entry, void *userdata)
{
        return chain_cursor_next(userdata, entry) == 0 ? 0 : -EUCLEAN;
}

/* Where the look at the end may begin: at the last checkpoint, which must still be true, unless that is far
 * back. */
static int begin_cursor(Chain *chain, uint64_t size, ChainCursor *cursor)
{
        _cleanup_(envelope_freep) Envelope *envelope = NULL;
        _cleanup_(freep) char *text = NULL;
        Checkpoint checkpoint;
        uint64_t from;
        Sha256 head;

        int r = state_read_text(chain->database, LEDGER_CHECKPOINT, &text);
        if (r < 0)
                return r;
        if (r > 0) {
                if (envelope_parse(bytes_of_string(text), CHECKPOINT_TEXT_MAX, &envelope) != 0 ||
                    checkpoint_parse(envelope_payload(envelope), &checkpoint) != 0)
                        return -EUCLEAN;
                r = checkpoint.size <= size ? read_hash(chain, checkpoint.size - 1, &head) : -EUCLEAN;
                if (r < 0)
                        return r;
                if (!sha256_equal(&head, &checkpoint.head))
                        return -EUCLEAN;
        }

        from = text ? checkpoint.size : 0;
        if (size - from > CHAIN_LOOK_BACK)
                from = size - CHAIN_LOOK_BACK;
        if (from > 0)
                from--; /* the last entry before, for its time */
        if (from == 0) {
                chain_cursor_begin(cursor, &chain->pending.chain, chain->device);
                return 0;
        }

        r = read_hash(chain, from - 1, &head);
        if (r < 0)
                return r;

        chain_cursor_resume(cursor, &chain->pending.chain, from, &head);
        return 0;
}

static int count_entries(Chain *chain, uint64_t *ret_size)
{
        _cleanup_(statement_freep) Statement *select = NULL;

        int r = database_prepare(chain->database, "SELECT coalesce(max(seq) + 1, 0) FROM audit", &select);
        if (r < 0)
                return r;
        r = statement_step(select);
        if (r <= 0)
                return r < 0 ? r : -EBADMSG;

        *ret_size = (uint64_t) statement_integer(select, 0);
        return 0;
}

static int load(Chain *chain)
{
        _cleanup_(freep) char *device = NULL;
        ChainCursor cursor;
        uint64_t size;

        int r = count_entries(chain, &size);
        if (r < 0)
                return r;
        r = state_read_text(chain->database, LEDGER_DEVICE, &device);
        if (r <= 0)
                return r < 0 ? r : size > 0 ? -EUCLEAN : 0;
        r = state_read_bytes(chain->database, LEDGER_CHAIN_ID, chain->pending.chain.bytes, CHAIN_ID_SIZE);
        if (r < 0)
                return r;
        if (r == 0 || size == 0 || !device_name_valid(device))
                return -EUCLEAN;

        (void) snprintf(chain->device, sizeof chain->device, "%s", device);
        r = begin_cursor(chain, size, &cursor);
        if (r < 0)
                return r == -ENOENT ? -EUCLEAN : r;
        r = chain_read(chain, cursor.size, UINT64_MAX, step, &cursor);
        if (r < 0)
                return r;

        chain->pending = chain->committed = cursor;
        return cursor.size == size ? 0 : -EUCLEAN;
}

int chain_init(Chain *chain, Database *database)
{
        *chain = (Chain){ .database = database };

        int r = prepare(chain);
        return r < 0 ? r : load(chain);
}

void chain_done(Chain *chain)
{
        chain->insert = statement_free(chain->insert);
        chain->select = statement_free(chain->select);
        chain->select_hash = statement_free(chain->select_hash);
}

/* ---- writing */

int chain_transaction_begin(Chain *chain, ChainTransaction *ret_write)
{
        Transaction transaction;

        int r = transaction_begin(chain->database, &transaction);
        if (r < 0)
                return r;

        *ret_write = (ChainTransaction){ chain, transaction };
        return 0;
}

int chain_transaction_commit(ChainTransaction *write)
{
        int r = transaction_commit(&write->transaction);
        if (r < 0)
                return r;

        write->chain->committed = write->chain->pending;
        write->chain = NULL;
        return 0;
}

void chain_transaction_done(ChainTransaction *write)
{
        if (!write->chain)
                return;

        transaction_done(&write->transaction);
        write->chain->pending = write->chain->committed;
        if (write->chain->committed.size == 0)
                write->chain->device[0] = '\0';
        write->chain = NULL;
}

int chain_create(ChainTransaction *write, const char *device, const ChainId *id)
{
        Chain *chain = write->chain;

        assert(!chain_exists(chain) && device_name_valid(device));

        int r = state_write_text(chain->database, LEDGER_DEVICE, device);
        if (r < 0)
                return r;
        r = state_write_bytes(chain->database, LEDGER_CHAIN_ID, BYTES_OF(id->bytes));
        if (r < 0)
                return r;

        (void) snprintf(chain->device, sizeof chain->device, "%s", device);
        chain_cursor_begin(&chain->pending, id, device);
        return 0;
}

static int append_one(Chain *chain, AuditType type, uint64_t now_ms, const AuditBody *body)
{
        _cleanup_(freep) char *text = NULL;
        AuditEntry entry;

        int r = audit_body_format(type, body, &text, NULL);
        if (r != 0)
                return r;

        chain_cursor_append(&chain->pending, (uint16_t) type, now_ms, bytes_of_string(text), &entry);
        statement_bind_integer(chain->insert, (int64_t) entry.seq);
        statement_bind_bytes(chain->insert, BYTES_OF(entry.prev.bytes));
        statement_bind_integer(chain->insert, (int64_t) entry.time_ms);
        statement_bind_integer(chain->insert, entry.type);
        statement_bind_bytes(chain->insert, entry.body);
        statement_bind_bytes(chain->insert, BYTES_OF(entry.hash.bytes));
        return statement_run(chain->insert);
}

int chain_append(ChainTransaction *write, AuditType type, uint64_t now_ms, const AuditBody *body,
                 uint64_t *ret_seq)
{
        Chain *chain = write->chain;

        assert(chain_exists(chain));
        assert((type == AUDIT_GENESIS) == (chain->pending.size == 0));

        if (now_ms + AUDIT_BACKWARDS_MAX_MS < chain->pending.time_ms && type != AUDIT_CLOCK) {
                int r = append_one(chain, AUDIT_CLOCK, now_ms,
                                   &(AuditBody){ .from_ms = (int64_t) chain->pending.time_ms,
                                                 .to_ms = (int64_t) now_ms });
                if (r != 0)
                        return r;
        }

        int r = append_one(chain, type, now_ms, body);
        if (r != 0)
                return r;

        if (ret_seq)
                *ret_seq = chain->pending.size - 1;
        return 0;
}
