/* SPDX-License-Identifier: MIT */
#pragma once

/* org.devbox.Mesh1 of a RunWorld, on the hub and on the device. */

#include "run-world.h"

void run_mesh_attach(sd_bus *bus, RunWorld *world);

/* What happens to dev-a, or to DEVICE_2: emits Event. */
int run_mesh_emit(sd_bus *bus, RunWorld *world, const char *device, const char *kind, const char *detail);
