/* SPDX-License-Identifier: MIT */
/* A hub that boots knows where its devices were, and speaks to them first: two real daemons, each on a
 * machine of its own. The device sends nothing by itself: without keepalives WireGuard has no reason to. */

#include <stdio.h>

#include "basic/fd.h"
#include "enrol-calls.h"

/* Since the hub's link was made. */
static bool had_handshake(const MeshWorld *world, const void *argument)
{
        _cleanup_(wireguard_device_done) WireguardDevice running = WIREGUARD_DEVICE_NULL;

        machine_enter(&hub);
        return mesh_world_read(world, &running) >= 0 && running.n_peers == 1 &&
               running.peers[0].last_handshake_at_usec != 0;
}

static bool endpoint_is_not(const MeshWorld *world, const void *endpoint)
{
        return !streq(mesh_peer(world, "laptop", "endpoint"), endpoint);
}

static void remember_endpoint(char ret_endpoint[static 32])
{
        (void) snprintf(ret_endpoint, 32, "%s", mesh_peer(hub.world, "laptop", "endpoint"));
}

static bool has_no_keepalive(const MeshWorld *world, const void *argument)
{
        _cleanup_(wireguard_device_done) WireguardDevice running = WIREGUARD_DEVICE_NULL;

        machine_enter(&device);
        assert_ok(mesh_world_read(world, &running));
        return running.peers[0].keepalive_seconds == 0;
}

static void join(void)
{
        enrol_device();

        sd_bus_message *call = mesh_call(device.world, "SetKeepalive");
        assert_ok(sd_bus_message_append(call, "t", UINT64_C(0)));
        sd_bus_message_unref(mesh_finish(device.world, call, NULL));
        mesh_world_until(has_no_keepalive, device.world, NULL);
        mesh_world_stop(device.world); /* its WireGuard runs on */
}

static void restart_engine(const Machine *machine)
{
        machine_enter(machine);
        mesh_world_stop_engine(machine->world);
        mesh_world_start_engine(machine->world);
}

static void boot_hub(void)
{
        restart_engine(&hub);
        mesh_world_start(hub.world);
        mesh_world_until(mesh_state_is, hub.world, "up");
}

static void assert_stored(const char *endpoint)
{
        _cleanup_(peer_table_done) PeerTable peers = PEER_TABLE_NULL;
        _cleanup_(text_done) Text text = TEXT_NULL;
        Store store;

        assert_ok(store_init(&store, hub.world->directory, NULL));
        assert_ok(store_open(&store));
        assert_ok(peer_table_load(store.database, &peers));
        wireguard_endpoint_append(&peer_table_find(&peers, "laptop")->endpoint, &text);
        assert_string_equal(text.data, endpoint);
        store_done(&store);
}

static void test_after_a_boot_of_the_hub(void **state)
{
        char before[32];

        machines_skip();
        join();
        remember_endpoint(before);
        mesh_world_stop(hub.world);
        assert_stored(before);
        boot_hub();
        mesh_world_until(had_handshake, hub.world, NULL);
        assert_string_equal(mesh_peer(hub.world, "laptop", "endpoint"), before);
        assert_false(mesh_has_drift(hub.world, "peer-missing"));
}

static void test_after_a_loss_of_power_of_the_hub(void **state)
{
        machines_skip();
        join();
        hub.world->daemon = test_daemon_free(hub.world->daemon); /* by SIGKILL */
        boot_hub();
        mesh_world_until(had_handshake, hub.world, NULL);
}

/* The daemon that runs on knows it as well. */
static void test_after_the_link_was_lost(void **state)
{
        machines_skip();
        join();
        restart_engine(&hub);
        mesh_world_until(had_handshake, hub.world, NULL);
}

/* What is stored is out of date: the device speaks first, and is followed. */
static void test_a_device_that_moved_meanwhile(void **state)
{
        char before[32], after[32];

        machines_skip();
        join();
        remember_endpoint(before);
        mesh_world_stop(hub.world);
        restart_engine(&device); /* which takes another port */
        boot_hub();
        assert_false(had_handshake(hub.world, NULL));

        _cleanup_(fd_closep) int listener = hub_listen(ENROL_HUB_ADDRESS, ENROL_HTTP_PORT);
        machine_enter(&device);
        mesh_world_start(device.world);
        mesh_world_until(enrol_reaches_hub, device.world, NULL);
        mesh_world_until(endpoint_is_not, hub.world, before);
        remember_endpoint(after);
        assert_int_equal(test_metric(hub.world->client, MESH, "drift_repaired_total"), 0);
        mesh_world_stop(hub.world);
        assert_stored(after);
}

static void test_a_revoked_device_is_not_woken(void **state)
{
        machines_skip();
        join();
        mesh_call_name(hub.world, "Revoke", "laptop", NULL);
        mesh_world_stop(hub.world);
        boot_hub();
        _cleanup_(wireguard_device_done) WireguardDevice running = WIREGUARD_DEVICE_NULL;
        assert_ok(mesh_world_read(hub.world, &running));
        assert_int_equal(running.n_peers, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                machines_test(test_after_a_boot_of_the_hub),
                machines_test(test_after_a_loss_of_power_of_the_hub),
                machines_test(test_after_the_link_was_lost),
                machines_test(test_a_device_that_moved_meanwhile),
                machines_test(test_a_revoked_device_is_not_woken),
        };

        return cmocka_run_group_tests(tests, machines_up, NULL);
}
