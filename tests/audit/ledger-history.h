/* SPDX-License-Identifier: MIT */
#pragma once

/* A random history that a ledger can write: requests of all kinds, valid, invalid and repeated, that start
 * and end or are interrupted; roots, manifests, tombstones and replaced keys; clocks that jump and are
 * corrected; flushes, witnesses, ceilings. In between an auditor verifies it, with the evidence of the
 * database or of an export, and must find it complete and each stored request allowed. The same seed makes
 * the same history. */

#include "ledger/ledger-world.h"

/* Of a world that is fresh from ledger_world_up(). */
void ledger_history_live(LedgerWorld *world, uint64_t seed);
