/* SPDX-License-Identifier: MIT */
#pragma once

/* The world of the mesh's tests: a network namespace with wireguard-go, whose socket is there as systemd
 * would have it, a bus, and a real devbox-mesh. */

#include <stdatomic.h>

#include "harness.h"
#include "mesh/peers.h"

#define MESH         "org.devbox.Mesh1"
#define MESH_PATH    "/org/devbox/Mesh1"
#define MESH_PROGRAM "src/mesh/devbox-mesh"

typedef struct MeshWorld {
        TestBus *bus;
        TestDaemon *daemon;
        sd_bus *client;
        char directory[96], state_variable[128];
        int uapi;     /* the listening socket of wireguard-go */
        pid_t engine; /* wireguard-go; 0: none */

        atomic_int *left; /* calls of the daemon until it is killed (kill-at.c); NULL: not preloaded */
        char kill_variable[128];

        /* What makes the calls of mesh_finish(); NULL: sd_bus_call(). */
        int (*call)(const struct MeshWorld *world, sd_bus_message *call, sd_bus_error *error,
                    sd_bus_message **ret_reply);
} MeshWorld;

/* cmocka group fixture: the namespaces. Tests that need them call mesh_world_skip() first. */
int mesh_world_enter(void **state);
void mesh_world_skip(void);
bool mesh_world_has_namespaces(void);

/* cmocka fixtures: a daemon without a role; the hub of the network "home" with the devices dev-a, dev-b and
 * dev-c, which is up. */
int mesh_world_up(void **state);
int mesh_world_up_hub(void **state);
int mesh_world_down(void **state);

#define mesh_test(function)     cmocka_unit_test_setup_teardown(function, mesh_world_up, mesh_world_down)
#define mesh_hub_test(function) cmocka_unit_test_setup_teardown(function, mesh_world_up_hub, mesh_world_down)

void mesh_world_start(MeshWorld *world);
void mesh_world_begin(MeshWorld *world); /* does not wait until it owns its name */
void mesh_world_stop(MeshWorld *world);

/* Makes that hub of a daemon without a role. */
void mesh_world_make_hub(MeshWorld *world);

/* A daemon that is started from now on can be killed by the count in `left`. */
void mesh_world_preload(MeshWorld *world);

/* Whether such a call failed because the daemon was killed, in it or, in a poll of its own, before it. */
bool mesh_world_was_killed(const sd_bus_error *error);

/* Waits for the end of a daemon that was killed, and starts it again. */
void mesh_world_restart_killed(MeshWorld *world);

/* Starts wireguard-go with the socket, or ends it. */
void mesh_world_start_engine(MeshWorld *world);
void mesh_world_stop_engine(MeshWorld *world);

/* Adds a device to the database of a daemon that does not run. Its key begins with the byte. */
void mesh_world_add_peer(const MeshWorld *world, const char *name, uint8_t key, const char *address);
WireguardKey mesh_world_key(uint8_t byte);

/* Reads what WireGuard has now. Returns an errno. */
int mesh_world_read(const MeshWorld *world, WireguardDevice *ret_device);
bool mesh_world_has_peer(const MeshWorld *world, uint8_t key);

/* Applies a change by hand. */
void mesh_world_apply(const MeshWorld *world, WireguardDevice *changes);

/* Waits, working on the bus, until the condition holds. */
void mesh_world_until(bool (*condition)(const MeshWorld *world, const void *argument),
                      const MeshWorld *world, const void *argument);

/* A call of the interface: mesh_call(), append, mesh_finish(), which frees it. `wanted` is the last part of
 * the name of the error that it must end with; NULL: none. The caller unrefs the reply. */
sd_bus_message *mesh_call(const MeshWorld *world, const char *member);
sd_bus_message *mesh_finish(const MeshWorld *world, sd_bus_message *call, const char *wanted);
void mesh_call_name(const MeshWorld *world, const char *member, const char *name, const char *wanted);
void mesh_configure(const MeshWorld *world, const char *prefix, const char *endpoint, const char *wanted);

/* One value of the dictionary that comes next, as text, in static memory; empty if there is none. Of
 * GetStatus; of GetPeer. */
const char *mesh_read_key(sd_bus_message *reply, const char *key);
const char *mesh_status(const MeshWorld *world, const char *key);
const char *mesh_peer(const MeshWorld *world, const char *name, const char *key);
bool mesh_state_is(const MeshWorld *world, const void *state);

/* Whether GetDrift has that kind. */
bool mesh_has_drift(const MeshWorld *world, const void *kind);
