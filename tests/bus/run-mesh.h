/* SPDX-License-Identifier: MIT */
#pragma once

/* org.devbox.Mesh1 of a RunWorld, on the hub and on the device. */

#include "run-world.h"

/* All texts are literals. */
typedef struct RunEvent {
        const char *device, *kind, *detail;
        uint64_t time_ms;
} RunEvent;

void run_mesh_attach(sd_bus *bus, RunWorld *world);

/* What happens to dev-a, or to DEVICE_2: emits Event. */
int run_mesh_emit(sd_bus *bus, RunWorld *world, const RunEvent *event);
