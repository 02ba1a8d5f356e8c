/* SPDX-License-Identifier: MIT */
/* The real mesh on a private bus: what is changed by hand at its link, its peers and its rules is found,
 * reported and repaired; and what the configuration opens. */

#include <signal.h>

#include "mesh-world.h"
#include "mesh/interface.h"

static bool is_repaired(const MeshWorld *world, const void *argument)
{
        _cleanup_(wireguard_device_done) WireguardDevice device = WIREGUARD_DEVICE_NULL;
        WireguardKey key = mesh_world_key(0xb2), psk = mesh_world_key(0x4d);
        Link link;

        if (mesh_world_read(world, &device) < 0 || device.n_peers != 3 || link_read(MESH_LINK, &link) < 0)
                return false;
        const WireguardPeer *peer = wireguard_device_find_peer(&device, &key);
        return peer && memcmp(&peer->preshared_key, &psk, sizeof psk) == 0 && peer->n_allowed_ips == 1 &&
               link.up && link.mtu == MESH_MTU && mesh_state_is(world, "up");
}

static void change_link(const MeshWorld *world, const char *kind)
{
        IpPrefix address;
        Link link;

        assert_ok(link_read(MESH_LINK, &link));
        if (streq(kind, "mtu"))
                assert_ok(link_set_mtu(link.index, 1280));
        else if (streq(kind, "link-down"))
                assert_ok(link_set_up(link.index, false));
        else {
                assert_ok(ip_prefix_parse("10.99.0.1/24", &address));
                assert_ok(link_add_address(link.index, &address));
        }
}

static void change_rules(const MeshWorld *world, const char *kind)
{
        assert_ok(nftables_run("delete table inet " FIREWALL_TABLE));
}

static void change_peer(const MeshWorld *world, const char *kind)
{
        static const struct {
                const char *kind;
                uint8_t key;
                uint32_t flags;
        } rows[] = {
                { "peer-extra", 0xee, 0 },
                { "peer-missing", 0xb2, WIREGUARD_PEER_REMOVE },
                { "preshared-key", 0xb2, WIREGUARD_PEER_UPDATE_ONLY | WIREGUARD_PEER_HAS_PRESHARED_KEY },
                { "keepalive", 0xb2, WIREGUARD_PEER_UPDATE_ONLY | WIREGUARD_PEER_HAS_KEEPALIVE },
                { "allowed-ips", 0xb2, WIREGUARD_PEER_UPDATE_ONLY },
        };
        WireguardDevice changes = WIREGUARD_DEVICE_NULL;
        WireguardPeer *peer;
        IpPrefix address;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                WireguardKey key = mesh_world_key(rows[i].key);

                if (!streq(rows[i].kind, kind))
                        continue;
                assert_ok(wireguard_device_add_peer(&changes, &key, &peer));
                peer->flags = rows[i].flags;
                peer->keepalive_seconds = 99;
                if (streq(kind, "allowed-ips")) {
                        assert_ok(ip_prefix_parse("10.42.0.77/32", &address));
                        assert_ok(wireguard_peer_add_allowed_ip(peer, &address));
                }
        }
        mesh_world_apply(world, &changes);
}

static void change_port(const MeshWorld *world, const char *kind)
{
        WireguardDevice changes = { .flags = WIREGUARD_DEVICE_HAS_LISTEN_PORT, .listen_port = 4444 };

        mesh_world_apply(world, &changes);
}

/* How many alarms of drift ListAlarms has. */
static unsigned count_alarms(const MeshWorld *world)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply =
                mesh_finish(world, mesh_call(world, "ListAlarms"), NULL);
        unsigned n = 0;

        assert_ok(sd_bus_message_enter_container(reply, 'a', "a{sv}"));
        while (!assert_ok(sd_bus_message_at_end(reply, false)))
                n += streq(mesh_read_key(reply, "kind"), "drift");
        return n;
}

static void test_drift(void **state)
{
        static const struct {
                const char *kind;
                void (*change)(const MeshWorld *world, const char *kind);
        } rows[] = {
                { "mtu", change_link },           { "link-down", change_link },
                { "address", change_link },       { "firewall", change_rules },
                { "peer-extra", change_peer },    { "peer-missing", change_peer },
                { "preshared-key", change_peer }, { "keepalive", change_peer },
                { "allowed-ips", change_peer },   { "listen-port", change_port },
        };
        MeshWorld *world = *state;

        mesh_world_skip();
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                assert_false(mesh_has_drift(world, rows[i].kind));
                rows[i].change(world, rows[i].kind);
                mesh_world_until(mesh_has_drift, world, rows[i].kind);
                mesh_world_until(is_repaired, world, NULL);
        }

        unsigned n = count_alarms(world); /* of the link, and of the peer that was changed */
        assert_in_range(n, 2, 4);
        test_daemon_signal(world->daemon, SIGKILL);
        (void) test_daemon_wait(world->daemon);
        world->daemon = test_daemon_free(world->daemon);
        test_bus_wait_owner(world->bus, MESH, false);
        mesh_world_start(world);
        assert_int_equal(count_alarms(world), n);
}

static void test_a_lost_link_is_made_again(void **state)
{
        MeshWorld *world = *state;
        Link link;

        mesh_world_skip();
        assert_ok(link_read(MESH_LINK, &link));
        assert_ok(link_delete(link.index));
        mesh_world_stop_engine(world); /* it ended by itself, as systemd sees */
        mesh_world_start_engine(world);
        mesh_world_until(mesh_has_drift, world, "link-missing");
        mesh_world_until(is_repaired, world, NULL);
        assert_false(mesh_has_drift(world, "peer-missing"));

        mesh_world_stop_engine(world);
        mesh_world_start_engine(world);
        mesh_world_until(is_repaired, world, NULL);
}

/* ---- mesh.open_ports */

static bool is_open(const MeshWorld *world, const void *rule)
{
        _cleanup_(freep) char *listing = NULL;

        assert_ok(nftables_list(&listing));
        return strstr(listing, rule) != NULL;
}

static void configure_ports(const MeshWorld *world, const char *yaml, const char *rule)
{
        test_bus_write_config(world->bus, yaml);
        test_daemon_signal(world->daemon, SIGHUP);
        mesh_world_until(is_open, world, rule);
}

static void test_open_ports(void **state)
{
        const MeshWorld *world = *state;

        mesh_world_skip();
        assert_true(is_open(world, "tcp dport 8080 accept"));
        configure_ports(world, "mesh:\n  open_ports: [443/tcp, 22/tcp, 53/udp]\n",
                        "tcp dport { 22, 443, 8080 } accept");
        assert_true(is_open(world, "udp dport 53 accept"));
        mesh_world_until(mesh_state_is, world, "up");
        assert_false(mesh_has_drift(world, "firewall"));

        change_rules(world, "");
        mesh_world_until(mesh_has_drift, world, "firewall");
        mesh_world_until(is_open, world, "tcp dport { 22, 443, 8080 } accept");

        configure_ports(world, "mesh:\n  open_ports: []\n", "tcp dport 8080 accept");
        assert_false(is_open(world, "udp dport"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                mesh_hub_test(test_drift),
                mesh_hub_test(test_a_lost_link_is_made_again),
                mesh_hub_test(test_open_ports),
        };

        return cmocka_run_group_tests(tests, mesh_world_enter, NULL);
}
