/* SPDX-License-Identifier: MIT */
#pragma once

/* Two machines for the tests of the mesh, each with a bus, network and mount namespaces, a wireguard-go and
 * a devbox-mesh of its own, and a cable between them: the hub at 192.0.2.1, the device at 192.0.2.2. */

#include "mesh-world.h"

typedef struct Machine {
        int net, mounts; /* its namespaces */
        MeshWorld *world;
} Machine;

extern Machine hub, device;

/* cmocka group fixture. Tests skip where namespaces are forbidden. */
int machines_up(void **state);
void machines_skip(void);

/* cmocka fixtures: daemons without a role. */
int machines_start(void **state);
int machines_stop(void **state);

#define machines_test(function) cmocka_unit_test_setup_teardown(function, machines_start, machines_stop)

/* The sockets and daemons that are made from now on are that machine's. */
void machine_enter(const Machine *machine);

/* Listens on the hub, also at an address that it does not have yet. The caller closes it. */
int hub_listen(const char *address, uint16_t port);

/* One attempt to connect from the device, of at most a second. */
bool device_reaches(const char *address, uint16_t port);
