/* SPDX-License-Identifier: MIT */
#pragma once

/* Witnesses: on a hub the chains of its devices, on a device the hub's countersignatures of its own. Errors
 * as in ledger/ledger.h. */

#include "audit/evidence.h"
#include "ledger/ledger.h"

/* A device that enrolled, or enrolled again with a new key; ends a quarantine and a revocation.
 * Errors: DEVBOX_ERROR_BAD_REQUEST, also for this hub's own name; DEVBOX_ERROR_ENROLLED_OTHERWISE pinned to
 * another chain. */
int ledger_pin(Ledger *ledger, const char *device, const ChainId *chain, const PublicKey *key);

/* Rejects the device's checkpoints until it is pinned again; keeps what was seen of its chain. The same
 * again changes nothing. Errors: DEVBOX_ERROR_PEER_UNKNOWN. */
int ledger_unpin(Ledger *ledger, const char *device);

/* Checks that the chain only grew, stores the entries and what they name of the evidence (may be NULL), then
 * signs. Returns the checkpoint with both signatures, which the caller frees. Errors:
 * DEVBOX_ERROR_PEER_UNKNOWN, BAD_ENVELOPE, BAD_SIG, UNKNOWN_KEY, BAD_SCHEMA; WITNESS_STALE an old
 * checkpoint, nothing is stored; WITNESS_ROLLBACK, WITNESS_FORK; of a device in quarantine, the reason of
 * that; PEER_REVOKED. */
int ledger_witness(Ledger *ledger, const char *checkpoint, AuditEntries entries, AuditEvidence *evidence,
                   char **ret_cosigned);

typedef struct ReplicaStatus {
        ChainId chain;
        PublicKey key;
        uint64_t size;          /* stored so far: the number of the next entry to send */
        DevboxError quarantine; /* 0: none */
        bool revoked;
        char *checkpoint; /* the last, countersigned, freed by the caller; NULL: none */
} ReplicaStatus;

/* Errors: DEVBOX_ERROR_PEER_UNKNOWN. */
int ledger_replica(Ledger *ledger, const char *device, ReplicaStatus *ret_status);

/* On the device: records in the chain that witnesses of the root countersigned a checkpoint of it, unless
 * they did so for a later one before. Errors: DEVBOX_ERROR_BAD_ENVELOPE, BAD_SIG, UNKNOWN_KEY, BAD_SCHEMA,
 * WITNESS_FORK not of this chain. */
int ledger_record_cosignature(Ledger *ledger, const char *envelope);
