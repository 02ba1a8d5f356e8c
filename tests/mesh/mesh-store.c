/* SPDX-License-Identifier: MIT */
/* A folder with the database of a hub, for tests. */

#include "mesh-store.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int mesh_store_up(void **state)
{
        MeshStore *world = calloc(1, sizeof *world);
        _cleanup_(secret_freep) Secret *key = NULL;

        assert_non_null(world);
        (void) snprintf(world->path, sizeof world->path, "/tmp/devbox-mesh-XXXXXX");
        assert_non_null(mkdtemp(world->path));
        assert_ok(store_init(&world->store, world->path, NULL));
        assert_ok(store_open(&world->store));
        assert_ok(journal_open(world->store.directory_fd, &world->journal));
        assert_ok(sealed_file_load(world->store.directory_fd, MESH_KEY, world->store.seal, &key));
        world->node = (Node){
                .role = NODE_ROLE_HUB, .network = "home", .listen_port = MESH_PORT, .private_key = MESH_KEY
        };
        assert_ok(ip_prefix_parse(MESH_PREFIX, &world->node.prefix));
        node_first_address(&world->node.prefix, &world->node.address);
        world->node.hub_address = world->node.address;
        world->node.hub_address.length = 32;
        assert_ok(node_store(world->store.database, &world->node));
        *state = world;
        return 0;
}

int mesh_store_down(void **state)
{
        static const char *const names[] = { "mesh.db", "mesh.db-wal", "mesh.db-shm", JOURNAL_NAME,
                                             MESH_KEY,  "seal",        "node" };
        MeshStore *world = *state;

        journal_free(world->journal);
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                (void) unlinkat(world->store.directory_fd, names[i], 0);
        store_done(&world->store);
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                char path[96];

                (void) snprintf(path, sizeof path, "%s/%s", world->path, names[i]);
                (void) unlink(path);
        }
        (void) rmdir(world->path);
        free(world);
        return 0;
}

int mesh_store_peer(MeshStore *world, const char *name, uint8_t number)
{
        WireguardKey preshared_key = { { (uint8_t) ~number } };
        Peer peer = { .state = PEER_STATE_ACTIVE,
                      .address = world->node.address,
                      .keepalive_sec = MESH_KEEPALIVE,
                      .key = { { number } },
                      .device_key = { { number } },
                      .since_ms = 1 };

        (void) snprintf(peer.name, sizeof peer.name, "%s", name);
        peer.key.bytes[31] = 1;
        peer.address.bytes[3] = number;
        peer.address.length = 32;
        return peer_store(&world->store, &peer, &preshared_key);
}
