/* SPDX-License-Identifier: MIT */
/* What a table of peers keeps of what was seen, when it is read again. */

#include "mesh/peers.h"

#include "mesh-store.h"

static const Peer *load(MeshStore *world, PeerTable *table)
{
        assert_ok(peer_table_load(world->store.database, table));
        const Peer *peer = peer_table_find(table, "dev-a");
        assert_non_null(peer);
        return peer;
}

static void set_state(MeshStore *world, PeerState state)
{
        assert_ok(peer_store_state(world->store.database, "dev-a", state, 1));
}

static void test_sightings(void **state)
{
        static const struct {
                PeerState before, after;
                bool kept;
        } rows[] = {
                { PEER_STATE_ACTIVE, PEER_STATE_ACTIVE, true },
                { PEER_STATE_JOINING, PEER_STATE_JOINING, true },
                { PEER_STATE_JOINING, PEER_STATE_ACTIVE, true },
                { PEER_STATE_ACTIVE, PEER_STATE_JOINING, false }, /* it left, and joins anew */
        };
        MeshStore *world = *state;

        assert_ok(mesh_store_peer(world, "dev-a", 10));
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                PeerTable table = { 0 };

                set_state(world, rows[i].before);
                ((Peer *) load(world, &table))->sighting.handshake_at_usec = 5;
                set_state(world, rows[i].after);
                assert_int_equal(load(world, &table)->sighting.handshake_at_usec, rows[i].kept ? 5 : 0);
                peer_table_done(&table);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_sightings, mesh_store_up, mesh_store_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
