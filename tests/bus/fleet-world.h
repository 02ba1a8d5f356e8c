/* SPDX-License-Identifier: MIT */
#pragma once

/* Many devices of one hub on one machine: each has a bus of its own with the real ledger and agent, at an
 * address of 127.0.3.0/24, where connections of other tests in TIME-WAIT occupy no port. Workers are those
 * of the hub's world. */

#include "run-calls.h"

#define FLEET_MAX 100

/* Adds dev-1, dev-2 and so on, which are away: their agents do not run, and nothing listens. The first one
 * may be the hub itself. */
void fleet_up(RunWorld *world, size_t n, bool hub);
void fleet_down(RunWorld *world);

/* All come back. */
void fleet_start_agents(const RunWorld *world);

/* A request for the device `i`, counted from 0, which may wait. `ret_id` has 64 bytes. */
void fleet_submit(const RunWorld *world, size_t i, char **words, char *ret_id);

/* Returns when the dispatcher has tried in vain to reach every device, with all that was submitted. */
void fleet_wait_away(const RunWorld *world);

/* Of the device `i`. */
LedgerBus *fleet_ledger(size_t i);
