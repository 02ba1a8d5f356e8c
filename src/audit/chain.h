/* SPDX-License-Identifier: MIT */
#pragma once

/* The device's own audit chain in the database. Whatever the ledger writes, it writes inside a
 * ChainTransaction: the entries and all that they stand for reach the disk together, or none of it does. */

#include "audit/body.h"
#include "audit/chain-cursor.h"
#include "audit/checkpoint.h"
#include "audit/ledger-database.h"

typedef struct Chain {
        Database *database;
        Statement *insert, *select, *select_hash;
        char device[DEVICE_NAME_SIZE]; /* empty: there is no chain yet */
        ChainCursor pending;           /* with the entries of the open transaction */
        ChainCursor committed;
} Chain;

/* Finds the end of the chain, and checks the entries from there back to the last checkpoint that was stored
 * (CHAIN_LOOK_BACK at most). The caller may call chain_done() after a failure, too.
 * Errors: -EUCLEAN the chain does not hold together; those of a database. */
#define CHAIN_LOOK_BACK 4096
int chain_init(Chain *chain, Database *database);
void chain_done(Chain *chain);

static inline bool chain_exists(const Chain *chain)
{
        return chain->device[0] != '\0';
}

/* ---- writing: what was begun is undone unless it is committed */

typedef struct ChainTransaction {
        Chain *chain; /* NULL: none is under way */
        Transaction transaction;
} ChainTransaction;

#define CHAIN_TRANSACTION_NULL ((ChainTransaction){ NULL, TRANSACTION_NULL })

int chain_transaction_begin(Chain *chain, ChainTransaction *ret_write);
int chain_transaction_commit(ChainTransaction *write);
void chain_transaction_done(ChainTransaction *write);

/* Makes the chain; the first entry must be the genesis. */
int chain_create(ChainTransaction *write, const char *device, const ChainId *id);

/* Adds an entry. Where the clock stands clearly before the last entry, one that says so comes first.
 * `ret_seq` may be NULL. Errors: DEVBOX_ERROR_BAD_SCHEMA the body cannot be written, or not read back;
 * those of a database. */
int chain_append(ChainTransaction *write, AuditType type, uint64_t now_ms, const AuditBody *body,
                 uint64_t *ret_seq);

/* ---- reading */

/* The entry's body is borrowed until the handler returns; < 0 ends the reading with that error, > 0 ends it
 * well. */
typedef int (*AuditEntryHandler)(const AuditEntry *entry, void *userdata);

int chain_read(Chain *chain, uint64_t from, uint64_t max, AuditEntryHandler reader, void *userdata);

/* What there is to say of the first `size` entries; 0: of all that are committed. Errors: -ENOENT there are
 * not so many, or none; those of a database. */
int chain_checkpoint(Chain *chain, uint64_t size, Checkpoint *ret_checkpoint);

/* The same for entries of any chain: what a bound statement selects, as the columns LEDGER_ENTRY_*.
 * Errors also: -EBADMSG a hash of another size. */
int chain_read_selected(Statement *select, AuditEntryHandler reader, void *userdata);
