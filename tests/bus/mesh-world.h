/* SPDX-License-Identifier: MIT */
#pragma once

/* The world of the mesh's tests: a network namespace, a bus, and a real devbox-mesh. */

#include "harness.h"

#define MESH         "org.devbox.Mesh1"
#define MESH_PATH    "/org/devbox/Mesh1"
#define MESH_PROGRAM "src/mesh/devbox-mesh"

typedef struct MeshWorld {
        TestBus *bus;
        TestDaemon *daemon;
        sd_bus *client;
        char directory[96], state_variable[128];
} MeshWorld;

/* cmocka fixtures: a daemon without a role. */
int mesh_world_up(void **state);
int mesh_world_down(void **state);

#define mesh_test(function) cmocka_unit_test_setup_teardown(function, mesh_world_up, mesh_world_down)

void mesh_world_start(MeshWorld *world);

/* A call of the interface: mesh_call(), append, mesh_finish(), which frees it. `wanted` is the last part of
 * the name of the error that it must end with; NULL: none. The caller unrefs the reply. */
sd_bus_message *mesh_call(const MeshWorld *world, const char *member);
sd_bus_message *mesh_finish(const MeshWorld *world, sd_bus_message *call, const char *wanted);

/* One value of GetStatus as text, in static memory; empty if there is none. */
const char *mesh_status(const MeshWorld *world, const char *key);
