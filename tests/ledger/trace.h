/* SPDX-License-Identifier: MIT */
#pragma once

/* What a refusal leaves behind: exactly one entry, or exactly one count, with its exact reason. Nothing ran:
 * only LEDGER_ACCEPTED lets anything run, and no refusal may come with that. */

#include "ledger-world.h"

typedef enum Trace {
        TRACE_ENTRY, /* req.denied */
        TRACE_COUNT, /* in the next `suppressed`, which this makes the ledger write */
} Trace;

/* Since the chain had `size` entries, there was one refusal. */
void assert_trace(LedgerWorld *world, uint64_t size, DevboxError reason, Trace trace);

/* Puts the bundle, which must be refused. */
void assert_refused(LedgerWorld *world, const SignedBundle *bundle, DevboxError reason, Trace trace);

/* Makes the case and puts it, likewise. */
void assert_case_refused(LedgerWorld *world, const Case *given, DevboxError reason, Trace trace);
