/* SPDX-License-Identifier: MIT */
#pragma once

/* Calls of org.devbox.Collector1. Functions return 0, or a DevboxError with its detail, which the caller
 * frees. Errors: -ENOMEM. */

#include <systemd/sd-bus.h>

#include "sample/sample.h"

int collector_client_get_system(sd_bus *bus, SystemSample *ret_sample, char **ret_problem);
int collector_client_get_units(sd_bus *bus, UnitSamples *ret_samples, char **ret_problem);

/* Both in one call. A part that the collector could not read is empty, with success=false in `parts`. */
typedef struct Snapshot {
        SystemSample system;
        UnitSamples units;
        PartSamples parts;
} Snapshot;

int collector_client_get_snapshot(sd_bus *bus, Snapshot *ret_snapshot, char **ret_problem);
void snapshot_done(Snapshot *snapshot);

/* Whether the collector gathered this part: "system", "services". */
bool snapshot_has(const Snapshot *snapshot, const char *part);
