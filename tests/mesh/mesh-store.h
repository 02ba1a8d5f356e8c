/* SPDX-License-Identifier: MIT */
#pragma once

/* A folder with the database of a hub, for tests. */

#include "mesh/desired.h"
#include "mesh/peers.h"
#include "test.h"

typedef struct MeshStore {
        char path[48];
        Store store;
        Journal *journal;
        Node node;
} MeshStore;

/* cmocka fixtures: the hub of 10.42.0.0/24. */
int mesh_store_up(void **state);
int mesh_store_down(void **state);

/* Adds a device; its key begins with `number`, and its address is `number` of the network. Returns what
 * peer_store() returns. */
int mesh_store_peer(MeshStore *world, const char *name, uint8_t number);
