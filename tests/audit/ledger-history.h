/* SPDX-License-Identifier: MIT */
#pragma once

/* A random life of a ledger, all of which can happen to an honest one: requests of all kinds, good and bad
 * and again, that start and end or are cut off; roots, manifests, tombstones and lost keys; clocks that jump
 * and are set right; flushes, witnesses, ceilings. In between an auditor verifies it, with the evidence of
 * the database or of an export, and must find it whole, as long as it is, and each request that is kept
 * right. The same seed makes the same life. */

#include "ledger/ledger-world.h"

/* Of a world that is fresh from ledger_world_up(). */
void ledger_history_live(LedgerWorld *world, uint64_t seed);
