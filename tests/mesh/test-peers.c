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

/* Stale is announced once for each time that it was online, whatever process looks. */
static void test_marks(void **state)
{
        static const struct {
                Presence presence;
                bool changed, stale, restart;
        } rows[] = {
                { PRESENCE_NEVER, false, false, false },
                { PRESENCE_STALE, true, true, false }, /* since before this process */
                { PRESENCE_STALE, false, true, true },
                { PRESENCE_STALE, false, true, true },
                { PRESENCE_NEVER, false, true, false }, /* the machine booted */
                { PRESENCE_OFFLINE, false, true, true },
                { PRESENCE_ONLINE, true, false, true },
                { PRESENCE_OFFLINE, false, false, true },
                { PRESENCE_STALE, true, true, false },
        };
        MeshStore *world = *state;
        PeerTable table = { 0 };

        assert_ok(mesh_store_peer(world, "dev-a", 10));
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                if (rows[i].restart)
                        peer_table_done(&table);
                Peer *peer = (Peer *) load(world, &table);

                peer->sighting.presence = rows[i].presence;
                assert_int_equal(peer_mark_stale(peer), rows[i].changed);
                assert_int_equal(peer->stale, rows[i].stale);
                assert_ok(peer_store_marks(world->store.database, peer));
        }

        /* A device that joins anew starts anew. */
        assert_ok(mesh_store_peer(world, "dev-a", 11));
        assert_false(load(world, &table)->stale);
        peer_table_done(&table);
}

static void test_a_warning_is_of_one_manifest(void **state)
{
        MeshStore *world = *state;
        PeerTable table = { 0 };

        assert_ok(mesh_store_peer(world, "dev-a", 10));
        Peer *peer = (Peer *) load(world, &table);
        peer->warned_of_ms = 5;
        assert_ok(peer_store_marks(world->store.database, peer));
        peer_table_done(&table);
        assert_int_equal(load(world, &table)->warned_of_ms, 5);
        peer_table_done(&table);
}

static void test_endpoints(void **state)
{
        static const char *const rows[] = { "192.0.2.1:51820", "[2001:db8::1]:9" };
        MeshStore *world = *state;
        PeerTable table = { 0 };

        assert_ok(mesh_store_peer(world, "dev-a", 10));
        assert_false(wireguard_endpoint_is_known(&load(world, &table)->endpoint));
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                Peer *peer = (Peer *) load(world, &table);
                WireguardEndpoint endpoint;

                assert_ok(wireguard_endpoint_parse(rows[i], &endpoint));
                peer->sighting.endpoint = endpoint;
                assert_ok(peer_store_endpoint(world->store.database, peer));
                peer_table_done(&table);
                assert_true(wireguard_endpoint_equal(&load(world, &table)->endpoint, &endpoint));
        }

        /* Another key may be on another machine. */
        assert_ok(mesh_store_peer(world, "dev-a", 11));
        assert_false(wireguard_endpoint_is_known(&load(world, &table)->endpoint));
        peer_table_done(&table);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_sightings, mesh_store_up, mesh_store_down),
                cmocka_unit_test_setup_teardown(test_marks, mesh_store_up, mesh_store_down),
                cmocka_unit_test_setup_teardown(test_endpoints, mesh_store_up, mesh_store_down),
                cmocka_unit_test_setup_teardown(test_a_warning_is_of_one_manifest, mesh_store_up,
                                                mesh_store_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
