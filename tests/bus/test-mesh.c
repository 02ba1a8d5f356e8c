/* SPDX-License-Identifier: MIT */
/* The real mesh on a private bus, with wireguard-go in a network namespace: what it sets up, and that
 * a revoked device stays out. */

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "basic/fd.h"
#include "basic/file.h"
#include "introspect.h"
#include "mesh-world.h"
#include "mesh/interface.h"

#define KILLS 12

static void test_introspects_as_promised(void **state)
{
        const MeshWorld *world = *state;

        assert_introspects(world->bus, MESH, MESH);
        assert_introspects(world->bus, MESH, "org.devbox.Component1");
}

static void test_without_a_role(void **state)
{
        const MeshWorld *world = *state;

        assert_string_equal(mesh_status(world, "role"), "");
        assert_string_equal(mesh_status(world, "state"), "unconfigured");
        assert_string_equal(mesh_status(world, "peers"), "0");
        mesh_call_name(world, "GetPeer", "dev-a", "PeerUnknown");
        mesh_call_name(world, "Revoke", "dev-a", "PeerUnknown");
        mesh_call_name(world, "SetRoot", "{}", "NetworkMissing");
        sd_bus_message_unref(mesh_finish(world, mesh_call(world, "RevokeAll"), "NetworkMissing"));
}

/* ---- the hub */

static void assert_node_file(const MeshWorld *world, const char *wanted)
{
        _cleanup_(freep) char *text = NULL;
        char path[128];

        (void) snprintf(path, sizeof path, "%s/node", world->directory);
        assert_ok(fd_read_file_at(AT_FDCWD, path, 256, &text, NULL));
        assert_string_equal(text, wanted);
}

static void assert_link(void)
{
        _cleanup_(freep) IpPrefix *addresses = NULL;
        char text[IP_PREFIX_TEXT_SIZE];
        size_t n, n_v4 = 0;
        Link link;

        assert_ok(link_read(MESH_LINK, &link));
        assert_true(link.up);
        assert_int_equal(link.mtu, MESH_MTU);
        assert_ok(link_read_addresses(link.index, &addresses, &n));
        for (size_t i = 0; i < n; i++)
                n_v4 += addresses[i].family == AF_INET;
        assert_int_equal(n_v4, 2);
        assert_string_equal(ip_prefix_format(&addresses[0], text), "10.42.0.1/24");
        assert_string_equal(ip_prefix_format(&addresses[1], text), "169.254.42.1/17");
}

static void test_configure_hub(void **state)
{
        const MeshWorld *world = *state;

        mesh_world_skip();
        mesh_configure(world, "10.42.0.0/30", "hub.example.org", "BadRequest");
        mesh_configure(world, "10.42.0.1/24", "hub.example.org", "BadRequest");
        mesh_configure(world, MESH_PREFIX, "not a host", "BadRequest");
        assert_string_equal(mesh_status(world, "role"), "");

        mesh_configure(world, MESH_PREFIX, "hub.example.org", NULL);
        assert_string_equal(mesh_status(world, "role"), "hub");
        assert_string_equal(mesh_status(world, "address"), "10.42.0.1");
        assert_node_file(world, "hub 10.42.0.1/24\n");
        mesh_world_until(mesh_state_is, world, "up");
        assert_string_equal(mesh_status(world, "backend"), "userspace");
        assert_link();

        mesh_configure(world, MESH_PREFIX, "hub.example.org", NULL);
        mesh_configure(world, MESH_PREFIX, "other.example.org:1234", NULL);
        mesh_configure(world, "10.43.0.0/24", "hub.example.org", "EnrolledOtherwise");
        mesh_world_until(mesh_state_is, world, "up");
        assert_string_equal(mesh_status(world, "problem"), "");
        assert_false(mesh_has_drift(world, "address"));
}

static void test_peers(void **state)
{
        const MeshWorld *world = *state;
        _cleanup_(wireguard_device_done) WireguardDevice device = WIREGUARD_DEVICE_NULL;

        mesh_world_skip();
        assert_ok(mesh_world_read(world, &device));
        assert_int_equal(device.n_peers, 3);
        assert_int_equal(device.listen_port, MESH_PORT);
        assert_string_equal(mesh_status(world, "peers"), "3");
        assert_string_equal(mesh_peer(world, "dev-b", "address"), "10.42.0.11");
        assert_string_equal(mesh_peer(world, "dev-b", "presence"), "never");
        assert_string_equal(mesh_peer(world, "dev-b", "state"), "joining");

        sd_bus_message *call = mesh_call(world, "SetPeer");
        assert_ok(sd_bus_message_append(call, "sa{sv}", "dev-b", 2, "address", "s", "10.42.0.99",
                                        "keepalive_sec", "t", UINT64_C(7)));
        sd_bus_message_unref(mesh_finish(world, call, NULL));
        assert_string_equal(mesh_peer(world, "dev-b", "address"), "10.42.0.99");
        assert_string_equal(mesh_peer(world, "dev-b", "keepalive_sec"), "7");
        call = mesh_call(world, "SetPeer");
        assert_ok(sd_bus_message_append(call, "sa{sv}", "dev-b", 1, "address", "s", "10.42.0.12"));
        sd_bus_message_unref(mesh_finish(world, call, "AddressTaken"));
}

static void test_metrics(void **state)
{
        static const struct {
                const char *name;
                double value;
        } rows[] = {
                { "up", 1 },
                { "peer_presence{peer=\"dev-a\",presence=\"never\"}", 1 },
                { "peer_presence{peer=\"dev-a\",presence=\"online\"}", 0 },
                { "peer_rx_bytes_total{peer=\"dev-c\"}", 0 },
                { "invitations{state=\"held\"}", 0 },
                { "revocations_total", 0 },
        };
        const MeshWorld *world = *state;

        mesh_world_skip();
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                assert_true(test_metric(world->client, MESH, rows[i].name) == rows[i].value);
}

/* ---- revocations */

static bool is_recorded(const MeshWorld *world, const void *argument)
{
        return test_metric(world->client, MESH, "revocations_recorded_later") == 0;
}

static bool lacks_revoked(const MeshWorld *world, const void *argument)
{
        return !mesh_world_has_peer(world, 0xb2);
}

static void assert_out(MeshWorld *world)
{
        assert_false(mesh_world_has_peer(world, 0xb2));
        assert_true(mesh_world_has_peer(world, 0xa1));
        assert_true(mesh_world_has_peer(world, 0xc3));
        assert_string_equal(mesh_peer(world, "dev-b", "state"), "revoked");
}

static void test_revoke(void **state)
{
        MeshWorld *world = *state;

        mesh_world_skip();
        mesh_call_name(world, "Revoke", "dev-x", "PeerUnknown");
        mesh_call_name(world, "Revoke", "dev-b", NULL);
        assert_out(world);
        mesh_call_name(world, "Revoke", "dev-b", NULL);
        assert_string_equal(mesh_status(world, "peers"), "2");
        mesh_world_until(is_recorded, world, NULL);
        assert_int_equal(test_metric(world->client, MESH, "revocations_total"), 1);
        assert_false(mesh_has_drift(world, "peer-extra"));

        /* Loaded by hand it goes again, and a restart does not bring it back. */
        WireguardDevice changes = WIREGUARD_DEVICE_NULL;
        WireguardKey key = mesh_world_key(0xb2);
        WireguardPeer *peer;
        assert_ok(wireguard_device_add_peer(&changes, &key, &peer));
        mesh_world_apply(world, &changes);
        mesh_world_until(mesh_has_drift, world, "peer-revoked");
        mesh_world_stop(world);
        mesh_world_start(world);
        mesh_world_until(mesh_state_is, world, "up");
        assert_out(world);
}

static void test_revoke_without_the_database(void **state)
{
        MeshWorld *world = *state;
        _cleanup_(database_closep) Database *other = NULL;
        char path[128];

        mesh_world_skip();
        (void) snprintf(path, sizeof path, "%s/mesh.db", world->directory);
        assert_ok(database_open(path, DATABASE_OWN, &mesh_schema, &other));
        Transaction lock = TRANSACTION_NULL;
        assert_ok(transaction_begin(other, &lock));
        mesh_call_name(world, "Revoke", "dev-b", NULL);
        assert_out(world);
        mesh_world_until(mesh_state_is, world, "degraded");
        assert_out(world);
        assert_int_equal(test_metric(world->client, MESH, "revocations_recorded_later"), 1);

        /* Killed before the database has it, the journal does. */
        test_daemon_signal(world->daemon, 9);
        (void) test_daemon_wait(world->daemon);
        world->daemon = test_daemon_free(world->daemon);
        transaction_done(&lock);
        mesh_world_start(world);
        mesh_world_until(mesh_state_is, world, "up");
        assert_out(world);
        mesh_world_until(is_recorded, world, NULL);
        assert_out(world);
}

/* Loaded behind the daemon's back, it goes although the database cannot be read at all; no other peer does.
 */
static void test_start_without_the_database(void **state)
{
        MeshWorld *world = *state;
        WireguardDevice changes = WIREGUARD_DEVICE_NULL;
        WireguardKey key = mesh_world_key(0xb2);
        char path[128], aside[128];
        WireguardPeer *peer;

        mesh_world_skip();
        mesh_call_name(world, "Revoke", "dev-b", NULL);
        mesh_world_until(is_recorded, world, NULL);
        mesh_world_stop(world);
        (void) snprintf(path, sizeof path, "%s/mesh.db", world->directory);
        (void) snprintf(aside, sizeof aside, "%s/aside.db", world->directory);
        assert_int_equal(rename(path, aside), 0);
        assert_ok(file_write(path, FILE_NEW, 0600, BYTES("no database, but more than nothing", 34)));
        assert_ok(wireguard_device_add_peer(&changes, &key, &peer));
        mesh_world_apply(world, &changes);

        mesh_world_start(world);
        mesh_world_until(mesh_state_is, world, "down");
        mesh_world_until(lacks_revoked, world, NULL);
        assert_true(mesh_world_has_peer(world, 0xa1));
        assert_true(mesh_world_has_peer(world, 0xc3));
        mesh_configure(world, MESH_PREFIX, "hub.example.org", "MeshUnavailable");

        assert_int_equal(rename(aside, path), 0);
        test_daemon_signal(world->daemon, SIGHUP);
        mesh_world_until(mesh_state_is, world, "up");
        assert_out(world);
}

/* Killed while it revokes one device after the other: a device whose Revoke was answered is out, and what
 * runs is what the database says. */
static void test_killed_while_it_revokes(void **state)
{
        static const struct {
                const char *name;
                uint8_t key;
        } rows[] = { { "dev-a", 0xa1 }, { "dev-b", 0xb2 }, { "dev-c", 0xc3 } };
        MeshWorld *world = *state;

        mesh_world_skip();
        for (unsigned i = 0; i < KILLS; i++) {
                size_t n = i % ELEMENTSOF(rows);
                sd_bus_message *call = mesh_call(world, "Revoke");

                assert_ok(sd_bus_message_append(call, "s", rows[n].name));
                assert_ok(sd_bus_send(world->client, call, NULL));
                assert_ok(sd_bus_flush(world->client));
                sd_bus_message_unref(call);
                (void) poll(NULL, 0, (int) i); /* anywhere in it */
                test_daemon_signal(world->daemon, SIGKILL);
                (void) test_daemon_wait(world->daemon);
                world->daemon = test_daemon_free(world->daemon);

                mesh_world_start(world);
                mesh_world_until(mesh_state_is, world, "up");
                for (size_t j = 0; j < ELEMENTSOF(rows); j++)
                        assert_true(mesh_world_has_peer(world, rows[j].key) !=
                                    streq(mesh_peer(world, rows[j].name, "state"), "revoked"));
        }
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                mesh_call_name(world, "Revoke", rows[i].name, NULL);
                assert_false(mesh_world_has_peer(world, rows[i].key));
        }
}

static void test_revoke_all(void **state)
{
        const MeshWorld *world = *state;
        _cleanup_(wireguard_device_done) WireguardDevice device = WIREGUARD_DEVICE_NULL;
        const char *names[3];

        mesh_world_skip();
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply =
                mesh_finish(world, mesh_call(world, "RevokeAll"), NULL);
        assert_ok(sd_bus_message_read(reply, "as", 3, &names[0], &names[1], &names[2]));
        assert_string_equal(names[0], "dev-a");
        assert_string_equal(names[2], "dev-c");
        assert_ok(mesh_world_read(world, &device));
        assert_int_equal(device.n_peers, 0);
        sd_bus_message_unref(mesh_finish(world, mesh_call(world, "RevokeAll"), NULL));
}

/* ---- a device */

/* Joined to a hub that does not answer, which has two endpoints. */
static void make_device(MeshWorld *world)
{
        _cleanup_(secret_freep) Secret *key = NULL;
        Node node = { .role = NODE_ROLE_DEVICE,
                      .network = "home",
                      .private_key = MESH_KEY,
                      .join_state = "joined",
                      .endpoints = { { "127.0.0.1", 4711 }, { "::1", 4712 } },
                      .n_endpoints = 2 };
        Store store;

        mesh_world_stop(world);
        assert_ok(ip_prefix_parse(MESH_PREFIX, &node.prefix));
        assert_ok(ip_prefix_parse("10.42.0.10/24", &node.address));
        assert_ok(ip_prefix_parse("10.42.0.1", &node.hub_address));
        assert_ok(store_init(&store, world->directory, NULL));
        assert_ok(store_open(&store));
        assert_ok(sealed_file_load(store.directory_fd, MESH_KEY, store.seal, &key));
        assert_ok(node_store(store.database, &node));
        store_done(&store);
        mesh_world_add_peer(world, HUB_NAME, 0xaa, "10.42.0.1");
        mesh_world_start(world);
}

static bool has_endpoint(const MeshWorld *world, const void *port)
{
        _cleanup_(wireguard_device_done) WireguardDevice device = WIREGUARD_DEVICE_NULL;
        WireguardKey key = mesh_world_key(0xaa);

        assert_ok(mesh_world_read(world, &device));
        const WireguardPeer *hub = wireguard_device_find_peer(&device, &key);
        if (!hub)
                return false;
        in_port_t is = hub->endpoint.any.sa_family == AF_INET6 ? hub->endpoint.v6.sin6_port
                                                               : hub->endpoint.v4.sin_port;
        return ntohs(is) == *(const uint16_t *) port;
}

static void test_a_device_seeks_its_hub(void **state)
{
        static const uint16_t ports[] = { 4711, 4712 };
        MeshWorld *world = *state;

        mesh_world_skip();
        make_device(world);
        mesh_world_until(mesh_state_is, world, "degraded");
        assert_string_equal(mesh_status(world, "role"), "device");
        assert_string_equal(mesh_status(world, "problem"), "the hub does not answer");
        assert_string_equal(mesh_peer(world, "hub", "keepalive_sec"), "25");
        assert_node_file(world, "device 10.42.0.10/24 10.42.0.1\n");
        for (size_t i = 0; i < ELEMENTSOF(ports); i++)
                mesh_world_until(has_endpoint, world, &ports[i]);
        assert_false(mesh_has_drift(world, "peer-missing"));
        mesh_call_name(world, "Revoke", "hub", "PeerUnknown");
        mesh_configure(world, MESH_PREFIX, "hub.example.org", "EnrolledOtherwise");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                mesh_test(test_introspects_as_promised),
                mesh_test(test_without_a_role),
                mesh_test(test_configure_hub),
                mesh_hub_test(test_peers),
                mesh_hub_test(test_metrics),
                mesh_hub_test(test_revoke),
                mesh_hub_test(test_revoke_without_the_database),
                mesh_hub_test(test_start_without_the_database),
                mesh_hub_test(test_killed_while_it_revokes),
                mesh_hub_test(test_revoke_all),
                mesh_test(test_a_device_seeks_its_hub),
        };

        return cmocka_run_group_tests(tests, mesh_world_enter, NULL);
}
