/* SPDX-License-Identifier: MIT */
#pragma once

/* The ledger: decides what this device does, and remembers what it did. Nothing runs before one commit has
 * made the request's id and nonce, its approvals, the audit entry and the floor of time durable; a commit
 * that fails refuses.
 *
 * No loop and no bus here: the clock comes in, and ledger_flush() is called from outside when
 * ledger_flush_due() or, at the latest, LEDGER_FLUSH_USEC after ledger_flush_wanted().
 *
 * Errors of all: a DevboxError; < 0 is -errno: the disk, the database or the memory failed, and nothing was
 * done. */

#include "audit/chain.h"
#include "crypto/ed25519.h"
#include "ledger/requests.h"

#define LEDGER_FLUSH_ENTRIES 64
#define LEDGER_FLUSH_USEC    (UINT64_C(60) * 1000 * 1000)

/* Below this the disk counts as full for new requests: what is left is for finishing those under way. */
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

/* Opens the database, and settles what a crash left open. One ledger per directory.
 * Errors: -EBUSY another process has it; -EUCLEAN the chain does not hold together; identity_load(). */
int ledger_open(const LedgerOptions *options, Ledger **ret_ledger);
Ledger *ledger_close(Ledger *ledger);
DEFINE_CLEANUP(Ledger, ledger_close);

/* Reads the ceiling anew. The problem with it, or NULL, is borrowed until the next time. */
int ledger_reload(Ledger *ledger);
const char *ledger_ceiling_problem(const Ledger *ledger);

/* ---- the chain */

/* A signed statement about the first `size` entries; 0: about all of them. The caller frees it.
 * Errors: DEVBOX_ERROR_NOT_ENROLLED; -ENOENT there are not so many. */
int ledger_checkpoint(Ledger *ledger, uint64_t size, char **ret_envelope);

bool ledger_flush_wanted(const Ledger *ledger);
bool ledger_flush_due(const Ledger *ledger);

/* Logs what was only counted, stores a checkpoint and forgets what expired. The checkpoint is NULL if there
 * was nothing new; the caller frees it. */
int ledger_flush(Ledger *ledger, char **ret_checkpoint);

/* ---- what there is to tell */

/* The own chain also by its own name. */
int ledger_export(Ledger *ledger, const ChainRange *range, AuditEntryHandler on_entry, void *userdata);

typedef struct LedgerStatus {
        const char *device; /* empty: not enrolled */
        ChainId chain;
        uint64_t size, requests;
        Sha256 head;
        PublicKey key;
        int64_t root_version, epoch, version, expires_at_ms; /* of root and manifest; 0: none */
        Sha256 manifest_sha256;
        bool in_force;        /* the manifest */
        bool adoption_needed; /* the chain knows another key */
        uint64_t time_floor_ms;
} LedgerStatus;

void ledger_status(const Ledger *ledger, LedgerStatus *ret_status);
void ledger_trim(Ledger *ledger);
