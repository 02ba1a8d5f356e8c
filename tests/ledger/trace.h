/* SPDX-License-Identifier: MIT */
#pragma once

/* The trace of a rejection: exactly one entry, or exactly one count, with its exact reason. Nothing ran:
 * only LEDGER_ACCEPTED lets anything run, which no rejection may come with. */

#include "ledger-world.h"

typedef enum Trace {
        TRACE_ENTRY, /* req.denied */
        TRACE_COUNT, /* in the next `suppressed`, which this makes the ledger write */
} Trace;

/* Since the chain had `size` entries, there was one rejection. */
void assert_trace(LedgerWorld *world, uint64_t size, DevboxError reason, Trace trace);

/* Submits the bundle, which must be rejected. */
void assert_refused(LedgerWorld *world, const SignedBundle *bundle, DevboxError reason, Trace trace);

/* Signs and submits the case, likewise. */
void assert_case_refused(LedgerWorld *world, const Case *given, DevboxError reason, Trace trace);
