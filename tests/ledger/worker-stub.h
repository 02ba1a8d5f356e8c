/* SPDX-License-Identifier: MIT */
#pragma once

/* Workers as the ledger sees them: keys, the permits they get, and the ends they make. */

#include "ledger-world.h"

/* Starts a request, named as for ledger_started(), with a worker of its own, which checks its permit.
 * Returns what ledger_started() does. */
int worker_stub_start(LedgerWorld *world, const char *request);

/* The end that this worker makes. The bytes are in static memory. */
Bytes worker_stub_seal(const LedgerWorld *world, const char *request, const WorkerEnd *end);

/* Ends a request with this status and no output: by its worker if it has one, otherwise by the agent.
 * Returns what ledger_finish() does. */
int worker_stub_finish(LedgerWorld *world, const char *request, ResultStatus status, char **ret_result);
