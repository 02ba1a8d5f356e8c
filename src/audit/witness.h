/* SPDX-License-Identifier: MIT */
#pragma once

/* The witness rule: a chain may only grow. The order of the caller is the security property: check, store
 * the new size and head durably, then sign (C2SP tlog-witness). Two checkpoints of the device with different
 * heads for one size are the proof of a fork, and are kept.
 *
 * An old checkpoint that is valid for what is stored is stale: it is rejected, and proves nothing against
 * the device. A device that was restored from a backup can repeat old checkpoints, which witness nothing
 * new; its next entry has another hash than the one it lost, which is a fork. */

#include "audit/chain-cursor.h"
#include "audit/checkpoint.h"

typedef struct WitnessGrowth {
        ChainCursor cursor;
        Checkpoint claimed;
} WitnessGrowth;

/* `seen`: what the witness has stored (size 0: nothing); `kept`: if the claim is shorter than that, the
 * stored hash of the last claimed entry (NULL: none). witness_step() then takes the entries from seen->size
 * on. Errors: DEVBOX_ERROR_WITNESS_STALE shorter, and a prefix of what is stored;
 * DEVBOX_ERROR_WITNESS_ROLLBACK shorter, and not a prefix; DEVBOX_ERROR_WITNESS_FORK another chain or
 * device, or another head for the same size. */
int witness_begin(WitnessGrowth *growth, const Checkpoint *seen, const Sha256 *kept,
                  const Checkpoint *claimed);

/* Before the first step: whether the entries lead to the signed claim, but from another head than the one
 * that is stored. That convicts the device although entries are not signed: only it can sign where they
 * lead. */
bool witness_is_contradicted(const WitnessGrowth *growth, const AuditEntry *entries, size_t n_entries);

/* Errors: DEVBOX_ERROR_WITNESS_FORK the entry does not follow, or is beyond the claimed size. */
int witness_step(WitnessGrowth *growth, const AuditEntry *entry);

/* Errors: DEVBOX_ERROR_WITNESS_FORK the entries do not lead to the claimed size and head. */
int witness_finish(const WitnessGrowth *growth);
