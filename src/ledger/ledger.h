/* SPDX-License-Identifier: MIT */
#pragma once

/* The ledger: decides what this device does, and records it. Nothing runs before one commit has made the
 * request's id and nonce, its approvals, the audit entry and the time floor durable; if the commit fails,
 * the request is denied.
 *
 * It has neither loop nor bus: the clock is a callback, and the caller calls ledger_flush() when
 * ledger_flush_due(), or LEDGER_FLUSH_USEC after ledger_flush_wanted() at the latest.
 *
 * Errors of all: a DevboxError; < 0 is -errno: the disk, the database or the memory failed, and nothing was
 * done. */

#include "audit/chain.h"
#include "crypto/ed25519.h"
#include "ledger/requests.h"

#define LEDGER_FLUSH_ENTRIES 64
#define LEDGER_FLUSH_USEC    (UINT64_C(60) * 1000 * 1000)

/* With less free space new requests are denied: the rest is reserved to finish those that were accepted. */
#define LEDGER_RESERVE_BYTES (UINT64_C(16) * 1024 * 1024)

typedef struct Ledger Ledger;

typedef struct LedgerTime {
        uint64_t now_ms; /* CLOCK_REALTIME */
        bool synchronised;
} LedgerTime;

typedef struct LedgerOptions {
        const char *directory;   /* holds ledger.db and identity */
        const char *credentials; /* $CREDENTIALS_DIRECTORY, or NULL */
        const char *ceiling;     /* /etc/devbox/ceiling.yaml */
        LedgerTime (*time)(void *owner);
        void *owner;
        uint64_t requests_max; /* 0: REQUESTS_MAX */
} LedgerOptions;

/* Opens the database, and ends requests that a crash interrupted. One ledger per directory.
 * Errors: -EBUSY another process has it; -EUCLEAN the chain is not valid; -ENODATA the database is missing
 * or empty although the directory has a key; those of identity_load() and database_open(). Then
 * `ret_problem`, which the caller frees, names file, fault and remedy. */
int ledger_open(const LedgerOptions *options, Ledger **ret_ledger, char **ret_problem);
Ledger *ledger_close(Ledger *ledger);
DEFINE_CLEANUP(Ledger, ledger_close);

/* Reads the ceiling again. Its problem, or NULL, is borrowed until the next reload. */
int ledger_reload(Ledger *ledger);
const char *ledger_ceiling_problem(const Ledger *ledger);

/* ---- the chain */

/* A signed checkpoint of the first `size` entries; 0: of all. The caller frees it.
 * Errors: DEVBOX_ERROR_NOT_ENROLLED; -ENOENT fewer entries than that. */
int ledger_checkpoint(Ledger *ledger, uint64_t size, char **ret_envelope);

bool ledger_flush_wanted(const Ledger *ledger);
bool ledger_flush_due(const Ledger *ledger);

/* Records counted rejections, stores a checkpoint and deletes expired rows. The checkpoint, which the caller
 * frees, is NULL if there is nothing new. */
int ledger_flush(Ledger *ledger, char **ret_checkpoint);

/* ---- reading */

/* The own chain also by the name of the device. Errors: DEVBOX_ERROR_PEER_UNKNOWN no chain of that device
 * was ever witnessed here. */
int ledger_export(Ledger *ledger, const ChainRange *range, AuditEntryHandler on_entry, void *userdata);

/* The signed documents behind an entry of the own chain, as envelopes; may be called by its handler. */
int ledger_export_evidence(Ledger *ledger, const AuditEntry *entry, StatementTextHandler on_envelope,
                           void *userdata);

typedef struct LedgerStatus {
        const char *device; /* empty: not enrolled */
        ChainId chain;
        uint64_t size, requests;
        Sha256 head;
        PublicKey key;
        int64_t root_version, epoch, version, expires_at_ms; /* of root and manifest; 0: none */
        Sha256 manifest_sha256;
        bool in_force;        /* the manifest */
        bool adoption_needed; /* the chain has another key */
        bool disk_full;       /* less is free than LEDGER_RESERVE_BYTES */
        uint64_t time_floor_ms;
} LedgerStatus;

void ledger_status(const Ledger *ledger, LedgerStatus *ret_status);
void ledger_trim(Ledger *ledger);
