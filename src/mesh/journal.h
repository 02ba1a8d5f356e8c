/* SPDX-License-Identifier: MIT */
#pragma once

/* The revocation journal: WireGuard keys that must never be loaded again. It is older than the database in
 * every revocation, and needs neither the database nor free space on the disk: room is allocated ahead.
 *
 * Each slot of 128 bytes is one entry, written in place once:
 *
 *         8 "DBXREVO1" | 8 time, ms | 32 key | 64 name of the device, zero-padded | 16 start of the SHA-256
 *         of all before
 *
 * A slot of zeros is free. One that is neither free nor whole was torn by a crash before its revocation was
 * acknowledged: it is skipped, and never written again. */

#include "mesh/store.h"
#include "netlink/wireguard.h"
#include "proto/id.h"

#define JOURNAL_NAME       "revoked.journal"
#define JOURNAL_ENTRY_SIZE 128

typedef struct JournalEntry {
        WireguardKey key;
        char device[DEVICE_NAME_SIZE];
        uint64_t time_ms;
} JournalEntry;

typedef struct Journal Journal;

/* Reads all of it; makes it where there is none. Errors: those of openat(2), read(2); -ENOMEM. */
int journal_open(int directory_fd, Journal **ret_journal);
Journal *journal_free(Journal *journal);
DEFINE_CLEANUP(Journal, journal_free);

/* Makes room for that many more entries; best effort. */
void journal_reserve(Journal *journal, size_t n_entries);

/* Durable on return; keys that are in it already are skipped. Errors: -ENOSPC; those of pwrite(2), fsync(2):
 * then any of them may be durable, and none is found by journal_has(). */
int journal_append(Journal *journal, const JournalEntry *entries, size_t n_entries);

bool journal_has(const Journal *journal, const WireguardKey *key);

/* All entries, sorted by key; borrowed until the next append. */
const JournalEntry *journal_entries(const Journal *journal, size_t *ret_n_entries);

/* Slots that a crash or a bad disk left invalid. */
size_t journal_n_torn(const Journal *journal);
