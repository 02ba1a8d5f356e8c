/* SPDX-License-Identifier: MIT */
/* The device's own audit chain in the database. */

#include "audit/chain.h"

#include "audit/entry-table.h"

/* ---- reading */

int chain_read(Database *database, const ChainRange *range, AuditEntryHandler on_entry, void *userdata)
{
        _cleanup_(statement_resetp) Statement *select = NULL;
        AuditEntry entry;

        int r = entry_table_select(database, range->device, range->from, range->max, &select);
        if (r < 0)
                return r;

        while ((r = entry_table_next(select, &entry)) == AUDIT_NEXT_ENTRY) {
                r = on_entry(&entry, userdata);
                if (r != 0)
                        return r < 0 ? r : 0;
        }

        return r == AUDIT_NEXT_MALFORMED ? -EBADMSG : r;
}

/* Errors: -ENOENT no such entry; those of a database. */
static int read_hash(Chain *chain, uint64_t seq, Sha256 *ret_hash)
{
        int r = entry_table_find_hash(chain->database, NULL, seq, ret_hash);

        return r < 0 ? r : r > 0 ? 0 : -ENOENT;
}

int chain_checkpoint(Chain *chain, uint64_t size, Checkpoint *ret_checkpoint)
{
        const ChainCursor *committed = &chain->committed;
        Checkpoint checkpoint = { .chain = committed->chain,
                                  .size = committed->size,
                                  .head = committed->head };

        if (!chain_exists(chain) || committed->size == 0 || size > committed->size)
                return -ENOENT;
        if (size > 0 && size < committed->size) {
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

/* The size that the last stored checkpoint confirms, which must be valid; 0: none. */
static int check_checkpoint(Chain *chain, uint64_t size, uint64_t *ret_confirmed)
{
        _cleanup_(envelope_freep) Envelope *envelope = NULL;
        _cleanup_(freep) char *text = NULL;
        Checkpoint checkpoint;
        Sha256 head;

        int r = state_read_text(chain->database, LEDGER_CHECKPOINT, &text);
        if (r < 0)
                return r;
        if (r == 0) {
                *ret_confirmed = 0;
                return 0;
        }

        if (envelope_parse(bytes_of_string(text), CHECKPOINT_TEXT_MAX, &envelope) != 0 ||
            checkpoint_parse(envelope_payload(envelope), &checkpoint) != 0 || checkpoint.size > size)
                return -EUCLEAN;
        r = read_hash(chain, checkpoint.size - 1, &head);
        if (r < 0)
                return r;

        *ret_confirmed = checkpoint.size;
        return sha256_equal(&head, &checkpoint.head) ? 0 : -EUCLEAN;
}

/* Where verification begins: at the last checkpoint, or CHAIN_LOOK_BACK before the end. */
static int begin_cursor(Chain *chain, const ChainIdentity *identity, uint64_t size, ChainCursor *cursor)
{
        uint64_t from;
        Sha256 head;

        int r = check_checkpoint(chain, size, &from);
        if (r < 0)
                return r;

        from = MAX(from, size - MIN(size, (uint64_t) CHAIN_LOOK_BACK));
        if (from <= 1) {
                chain_cursor_begin(cursor, &identity->chain, identity->device);
                return 0;
        }

        from--; /* one entry more, for its time */
        r = read_hash(chain, from - 1, &head);
        if (r < 0)
                return r;

        chain_cursor_resume(cursor, &identity->chain, from, &head);
        return 0;
}

static int next(const AuditEntry *entry, void *userdata)
{
        return chain_cursor_next(userdata, entry) == 0 ? 0 : -EUCLEAN;
}

static int load(Chain *chain)
{
        ChainIdentity identity;
        ChainCursor cursor;
        uint64_t size;

        int r = entry_table_count(chain->database, &size);
        if (r < 0)
                return r;
        r = state_read_identity(chain->database, &identity);
        if (r == 0 && size == 0)
                return 0;
        if (r == 0 || r == -EBADMSG || size == 0)
                return -EUCLEAN;
        if (r < 0)
                return r;

        r = begin_cursor(chain, &identity, size, &cursor);
        if (r < 0)
                return r == -ENOENT ? -EUCLEAN : r;
        r = chain_read(chain->database, &(ChainRange){ .from = cursor.size, .max = UINT64_MAX }, next,
                       &cursor);
        if (r < 0)
                return r;

        memcpy(chain->device, identity.device, sizeof chain->device);
        chain->pending = chain->committed = cursor;
        return cursor.size == size ? 0 : -EUCLEAN;
}

int chain_init(Chain *chain, Database *database)
{
        *chain = (Chain){ .database = database };
        return load(chain);
}

/* ---- writing */

int chain_transaction_begin(Chain *chain, ChainTransaction *ret_transaction)
{
        Transaction transaction;

        int r = transaction_begin(chain->database, &transaction);
        if (r < 0)
                return r;

        *ret_transaction = (ChainTransaction){ chain, transaction };
        return 0;
}

int chain_transaction_commit(ChainTransaction *transaction)
{
        int r = transaction_commit(&transaction->transaction);
        if (r < 0)
                return r;

        transaction->chain->committed = transaction->chain->pending;
        transaction->chain = NULL;
        return 0;
}

void chain_transaction_done(ChainTransaction *transaction)
{
        Chain *chain = TAKE_PTR(transaction->chain);

        if (!chain)
                return;

        transaction_done(&transaction->transaction);
        chain->pending = chain->committed;
        if (chain->committed.size == 0)
                chain->device[0] = '\0';
}

int chain_create(ChainTransaction *transaction, const char *device, const ChainId *id)
{
        Chain *chain = transaction->chain;

        assert(!chain_exists(chain) && device_name_valid(device));

        int r = state_write_text(chain->database, LEDGER_DEVICE, device);
        if (r < 0)
                return r;
        r = state_write_bytes(chain->database, LEDGER_CHAIN_ID, BYTES_OF(id->bytes));
        if (r < 0)
                return r;

        memcpy(chain->device, device, strlen(device) + 1);
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
        return entry_table_insert(chain->database, NULL, &entry);
}

int chain_append(ChainTransaction *transaction, AuditType type, uint64_t now_ms, const AuditBody *body,
                 uint64_t *ret_seq)
{
        Chain *chain = transaction->chain;

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
