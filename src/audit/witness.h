/* SPDX-License-Identifier: MIT */
#pragma once

/* What a witness checks before it signs: that a chain only grew since it last looked. The order is the whole
 * point: check, store the new size and head durably, then sign (C2SP tlog-witness). A head that differs is
 * never forgotten: both statements are signed by the device, and together they are the proof.
 *
 * An old statement that comes late is none. It says what was true, so it is only refused. A device that was
 * set back can repeat what it said before, but then nothing new is witnessed; the next entry that it makes
 * has another hash than the one it lost, and gives it away. */

#include "audit/chain-cursor.h"
#include "audit/checkpoint.h"

typedef struct WitnessGrowth {
        ChainCursor walk;
        Checkpoint claimed;
} WitnessGrowth;

/* `seen` is what the witness stored (size 0: nothing yet); `kept`, where the claim is shorter than that, the
 * hash that it has of the last claimed entry (NULL: it has none). Then feed the entries from seen->size on.
 * Errors: DEVBOX_ERROR_WITNESS_STALE the chain was like this once; DEVBOX_ERROR_WITNESS_ROLLBACK it is
 * shorter, and was never like this; DEVBOX_ERROR_WITNESS_FORK another chain or device, or another head at
 * the same size. */
int witness_begin(WitnessGrowth *growth, const Checkpoint *seen, const Sha256 *kept,
                  const Checkpoint *claimed);

/* Before the first step: whether the entries lead to what the device now claims, but from another past than
 * it claimed before. They bear no signature of their own, but the hashes that lead to one that was signed
 * are as good: nobody else can have made them. */
bool witness_is_contradicted(const WitnessGrowth *growth, const AuditEntry *entries, size_t n_entries);

/* Errors: DEVBOX_ERROR_WITNESS_FORK it does not follow, or lies beyond what was claimed. */
int witness_step(WitnessGrowth *growth, const AuditEntry *entry);

/* Errors: DEVBOX_ERROR_WITNESS_FORK the entries do not lead to the claimed size and head. */
int witness_finish(const WitnessGrowth *growth);
