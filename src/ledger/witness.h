/* SPDX-License-Identifier: MIT */
#pragma once

/* Witnesses: on a hub the chains of its devices, on a device what the hub signed of its own. Errors as in
 * ledger/ledger.h. */

#include "ledger/ledger.h"

/* From an enrolment, or a new key of a device that was enrolled again. Also ends a quarantine.
 * Errors: DEVBOX_ERROR_BAD_REQUEST; DEVBOX_ERROR_ENROLLED_OTHERWISE it has another chain. */
int ledger_pin(Ledger *ledger, const char *device, const ChainId *chain, const PublicKey *key);

/* Checks that the chain only grew, stores, then signs: the checkpoint with both signatures, which the caller
 * frees. Errors: DEVBOX_ERROR_PEER_UNKNOWN, BAD_ENVELOPE, BAD_SIG, UNKNOWN_KEY, BAD_SCHEMA; WITNESS_STALE it
 * was true once, and nothing is written; WITNESS_ROLLBACK, WITNESS_FORK; of a device in quarantine, why it
 * is. */
int ledger_witness(Ledger *ledger, const char *checkpoint, AuditEntries entries, char **ret_cosigned);

typedef struct ReplicaStatus {
        ChainId chain;
        PublicKey key;
        uint64_t size;          /* seen so far: the number of the entry to send next */
        DevboxError quarantine; /* 0: none */
        char *checkpoint;       /* the last, countersigned; NULL: none; to be freed */
} ReplicaStatus;

/* Errors: DEVBOX_ERROR_PEER_UNKNOWN. */
int ledger_replica(Ledger *ledger, const char *device, ReplicaStatus *ret_status);

/* On the device: a checkpoint of ours that a witness of the root signed, too, is kept in the chain.
 * Errors: DEVBOX_ERROR_BAD_ENVELOPE, BAD_SIG, UNKNOWN_KEY, BAD_SCHEMA, WITNESS_FORK it is not of this
 * chain. */
int ledger_record_cosignature(Ledger *ledger, const char *envelope);
