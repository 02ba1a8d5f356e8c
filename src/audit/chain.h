/* SPDX-License-Identifier: MIT */
#pragma once

/* The device's own audit chain in the database. The ledger writes only inside a ChainTransaction: the
 * entries and the state that they record become durable together, or not at all. */

#include "audit/body.h"
#include "audit/chain-cursor.h"
#include "audit/checkpoint.h"
#include "audit/ledger-database.h"

typedef struct Chain {
        Database *database;
        char device[DEVICE_NAME_SIZE]; /* empty: no chain yet */
        ChainCursor pending;           /* with the entries of the open transaction */
        ChainCursor committed;
} Chain;

/* Finds the end of the chain and verifies the entries since the last stored checkpoint, at most
 * CHAIN_LOOK_BACK.
 * Errors: -EUCLEAN the chain is not valid; those of a database. */
#define CHAIN_LOOK_BACK 4096
int chain_init(Chain *chain, Database *database);

static inline bool chain_exists(const Chain *chain)
{
        return chain->device[0] != '\0';
}

/* ---- writing: rolled back unless committed */

typedef struct ChainTransaction {
        Chain *chain; /* NULL: not open */
        Transaction transaction;
} ChainTransaction;

#define CHAIN_TRANSACTION_NULL ((ChainTransaction){ NULL, TRANSACTION_NULL })

int chain_transaction_begin(Chain *chain, ChainTransaction *ret_transaction);
int chain_transaction_commit(ChainTransaction *transaction);
void chain_transaction_done(ChainTransaction *transaction);

/* Starts the chain; the first entry must be the genesis. */
int chain_create(ChainTransaction *transaction, const char *device, const ChainId *id);

/* Appends an entry; if the clock is more than AUDIT_BACKWARDS_MAX_MS before the last entry, a clock entry
 * precedes it. `ret_seq` may be NULL. Errors: DEVBOX_ERROR_BAD_SCHEMA the body cannot be written, or not be
 * read back; those of a database. */
int chain_append(ChainTransaction *transaction, AuditType type, uint64_t now_ms, const AuditBody *body,
                 uint64_t *ret_seq);

/* ---- reading */

/* The entry's body is borrowed until the handler returns; < 0 stops with that error, > 0 stops. */
typedef int (*AuditEntryHandler)(const AuditEntry *entry, void *userdata);

typedef struct ChainRange {
        const char *device; /* one whose chain this hub has; NULL: the own chain */
        uint64_t from, max;
} ChainRange;

/* Errors: those of a database; -EBADMSG also a malformed row. */
int chain_read(Database *database, const ChainRange *range, AuditEntryHandler on_entry, void *userdata);

/* The unsigned checkpoint of the first `size` committed entries; 0: of all. Errors: -ENOENT fewer entries
 * than that, or none; those of a database. */
int chain_checkpoint(Chain *chain, uint64_t size, Checkpoint *ret_checkpoint);
