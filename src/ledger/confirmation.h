/* SPDX-License-Identifier: MIT */
#pragma once

/* The hub confirms the manifest in force by sending it again, as often as it likes, so that this adds no
 * entry of its own. One that a strict capability depends on is recorded before the entry of the request, for
 * auditors, who otherwise know no later one than the manifest's. */

#include "audit/chain.h"
#include "ledger/ledger.h"

/* Adds an entry to the transaction unless the capability is not strict, or there is one already.
 * Errors: those of chain_append() and of a database. */
int confirmation_log(Ledger *ledger, ChainTransaction *write, const Capability *capability, uint64_t now_ms);
