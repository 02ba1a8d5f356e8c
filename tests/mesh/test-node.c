/* SPDX-License-Identifier: MIT */
/* This machine in the network, its addresses and its devices as rows. */

#include "mesh/node.h"

#include <fcntl.h>

#include "basic/fd.h"
#include "mesh-store.h"

static void test_round_trip(void **state)
{
        MeshStore *world = *state;
        _cleanup_(freep) char *text = NULL;
        Node read;

        assert_ok(node_endpoint_parse("hub.example.org", &world->node.endpoints[0]));
        assert_ok(node_endpoint_parse("[2001:db8::1]:7", &world->node.endpoints[1]));
        world->node.n_endpoints = 2;
        assert_ok(node_store(world->store.database, &world->node));
        assert_ok(node_load(world->store.database, &read));
        assert_int_equal(read.role, NODE_ROLE_HUB);
        assert_string_equal(read.network, "home");
        assert_int_equal(ip_prefix_compare(&read.address, &world->node.address), 0);
        assert_int_equal(read.n_endpoints, 2);
        assert_string_equal(read.endpoints[1].host, "2001:db8::1");

        assert_ok(node_write_file(world->store.directory_fd, &read));
        assert_ok(fd_read_file_at(world->store.directory_fd, "node", 256, &text, NULL));
        assert_string_equal(text, "hub 10.42.0.1/24\n");

        /* A device is a member once it is installed. */
        static const struct {
                const char *join_state, *text;
        } rows[] = {
                { "claimed", NULL },
                { "installed", "device 10.42.0.10/24 10.42.0.1\n" },
                { "joined", "device 10.42.0.10/24 10.42.0.1\n" },
        };
        read.role = NODE_ROLE_DEVICE;
        assert_ok(ip_prefix_parse("10.42.0.10/24", &read.address));
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                (void) strcpy(read.join_state, rows[i].join_state);
                assert_ok(node_write_file(world->store.directory_fd, &read));
                free(TAKE_PTR(text));
                assert_err(fd_read_file_at(world->store.directory_fd, "node", 256, &text, NULL),
                           rows[i].text ? 0 : -ENOENT);
                if (rows[i].text)
                        assert_string_equal(text, rows[i].text);
        }

        read.role = NODE_ROLE_NONE;
        assert_ok(node_store(world->store.database, &read));
        assert_ok(node_load(world->store.database, &read));
        assert_int_equal(read.role, NODE_ROLE_NONE);
}

static void test_endpoints(void **state)
{
        static const struct {
                const char *text, *wanted; /* NULL: rejected */
        } rows[] = {
                { "hub.example.org", "hub.example.org:51820" },
                { "hub.example.org:1", "hub.example.org:1" },
                { "192.0.2.1:65535", "192.0.2.1:65535" },
                { "[2001:db8::1]", "[2001:db8::1]:51820" },
                { "[2001:db8::1]:7", "[2001:db8::1]:7" },
                { "", NULL },
                { ":51820", NULL },
                { "hub:0", NULL },
                { "hub:65536", NULL },
                { "hub:", NULL },
                { "hub:1x", NULL },
                { "[2001:db8::1", NULL },
                { "[2001:db8::1]7", NULL },
                { "a b", NULL },
                { "hub/x", NULL },
                { "1234567890123456789012345678901234567890123456789012345678901234", NULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(text_done) Text text = TEXT_NULL;
                TokenEndpoint endpoint;

                assert_err(node_endpoint_parse(rows[i].text, &endpoint), rows[i].wanted ? 0 : -EINVAL);
                if (!rows[i].wanted)
                        continue;
                node_endpoint_append(&endpoint, &text);
                assert_string_equal(text.data, rows[i].wanted);
        }
}

static void test_no_address_is_given_twice(void **state)
{
        MeshStore *world = *state;
        IpPrefix address;
        char text[IP_PREFIX_TEXT_SIZE];

        assert_ok(mesh_store_peer(world, "dev-a", 10));
        assert_ok(mesh_store_peer(world, "dev-b", 12));
        assert_ok(node_allocate_address(world->store.database, &world->node.prefix, &address));
        assert_string_equal(ip_prefix_format_address(&address, text), "10.42.0.11");

        /* That of a revoked device stays its own. */
        assert_ok(peer_store_tombstone(world->store.database, &(WireguardKey){ { 10, [31] = 1 } }, 2));
        assert_ok(mesh_store_peer(world, "dev-c", 11));
        assert_ok(node_allocate_address(world->store.database, &world->node.prefix, &address));
        assert_string_equal(ip_prefix_format_address(&address, text), "10.42.0.13");
        assert_err(mesh_store_peer(world, "dev-d", 12), -EEXIST);

        static const struct {
                const char *address, *device;
                int is_free;
        } rows[] = {
                { "10.42.0.2", "dev-x", 1 },  { "10.42.0.254", "dev-x", 1 },   { "10.42.0.12", "dev-b", 1 },
                { "10.42.0.12", "dev-x", 0 }, { "10.42.0.1", "dev-x", 0 },     { "10.42.0.0", "dev-x", 0 },
                { "10.43.0.9", "dev-x", 0 },  { "10.42.0.255", "dev-x", 0 },   { "fd00::1", "dev-x", 0 },
                { "10.42.0.10", "dev-x", 0 }, { "10.42.0.40/30", "dev-x", 0 },
        };
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                assert_ok(ip_prefix_parse(rows[i].address, &address));
                assert_int_equal(node_address_is_free(world->store.database, &world->node.prefix, &address,
                                                      rows[i].device),
                                 rows[i].is_free);
        }
}

static void test_a_revoked_key_never_returns(void **state)
{
        MeshStore *world = *state;
        Database *database = world->store.database;
        _cleanup_(peer_table_done) PeerTable table = PEER_TABLE_NULL;
        Transaction transaction = TRANSACTION_NULL;

        assert_ok(mesh_store_peer(world, "dev-a", 10));
        assert_ok(peer_store_tombstone(database, &(WireguardKey){ { 10, [31] = 1 } }, 2));
        assert_ok(peer_store_tombstone(database, &(WireguardKey){ { 99 } }, 2));
        assert_ok(transaction_begin(database, &transaction));
        assert_err(mesh_store_peer(world, "dev-a", 10), -EEXIST);
        transaction_done(&transaction);
        assert_err(query_run(database, "UPDATE wireguard_key SET use = 'current'", ""), -EEXIST);
        assert_err(query_run(database, "DELETE FROM wireguard_key", ""), -EEXIST);

        assert_ok(peer_table_load(database, &table));
        assert_int_equal(table.n_peers, 1);
        assert_int_equal(peer_table_find(&table, "dev-a")->state, PEER_STATE_REVOKED);
        assert_null(peer_table_find(&table, "dev-b"));
}

#define store_test(function) cmocka_unit_test_setup_teardown(function, mesh_store_up, mesh_store_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                store_test(test_round_trip),
                cmocka_unit_test(test_endpoints),
                store_test(test_no_address_is_given_twice),
                store_test(test_a_revoked_key_never_returns),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
