/* SPDX-License-Identifier: MIT */
#pragma once

/* What a witness checks before it signs: that a chain only grew since it last looked. The order is the whole
 * point: check, store the new size and head durably, then sign (C2SP tlog-witness). A size that shrinks or a
 * head that differs is never forgotten: both statements are signed by the device, and together they are the
 * proof. */

#include "proto/checkpoint.h"

typedef struct WitnessGrowth {
        AuditWalk walk;
        Checkpoint claimed;
} WitnessGrowth;

/* `seen` is what the witness stored (size 0: nothing yet). Then feed the entries from seen->size on.
 * Errors: DEVBOX_ERROR_WITNESS_ROLLBACK the chain is shorter than it was; DEVBOX_ERROR_WITNESS_FORK another
 * chain or device, or another head at the same size. */
int witness_begin(WitnessGrowth *growth, const Checkpoint *seen, const Checkpoint *claimed);

/* Errors: DEVBOX_ERROR_WITNESS_FORK it does not follow, or lies beyond what was claimed. */
int witness_step(WitnessGrowth *growth, const AuditEntry *entry);

/* Errors: DEVBOX_ERROR_WITNESS_FORK the entries do not lead to the claimed size and head. */
int witness_finish(const WitnessGrowth *growth);
