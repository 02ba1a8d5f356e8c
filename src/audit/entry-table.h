/* SPDX-License-Identifier: MIT */
#pragma once

/* The tables `audit` and `replica_audit` of ledger.db: the entries of the device's own chain, and on a hub
 * those of the devices that it witnesses. `device` selects one of those; NULL is the own chain.
 *
 * Errors of all functions: those of a database. */

#include "audit/entry.h"
#include "store/query.h"

/* Selects at most `max` entries from number `from` on, in order. The caller resets the statement. */
int entry_table_select(Database *database, const char *device, uint64_t from, uint64_t max,
                       Statement **ret_select);

/* Returns an AuditNext other than PART. The body of an entry is borrowed until the next call. */
int entry_table_next(Statement *select, AuditEntry *ret_entry);

/* 1: found; 0: no such entry. */
int entry_table_find_hash(Database *database, const char *device, uint64_t seq, Sha256 *ret_hash);

/* The number of the last entry of the own chain, and one. */
int entry_table_count(Database *database, uint64_t *ret_count);

int entry_table_insert(Database *database, const char *device, const AuditEntry *entry);
