/* SPDX-License-Identifier: MIT */
/* A device joins while the devbox-mesh of the hub or of the device is killed before each call by which it
 * changes something, in each method, and whoever called repeats it: as tests/model/enrol.pml checks, one
 * device is admitted, once, with the keys and digits that it began with. */

#include <signal.h>
#include <stdio.h>

#include "enrol-calls.h"

#define MEMBERS_MAX 24

static struct Crash {
        char members[MEMBERS_MAX][32]; /* of methods that were interrupted already: each is once */
        size_t n_members;
        unsigned n_kills;
} crash;

/* ---- calls that are repeated until the daemon has survived one */

static bool is_new(const char *member)
{
        for (size_t i = 0; i < crash.n_members; i++)
                if (streq(crash.members[i], member))
                        return false;

        assert_true(crash.n_members < MEMBERS_MAX);
        (void) snprintf(crash.members[crash.n_members++], sizeof crash.members[0], "%s", member);
        return true;
}

static void restart(const Machine *machine)
{
        crash.n_kills++;
        machine_enter(machine);
        mesh_world_restart_killed(machine->world);
}

static int call(const MeshWorld *world, sd_bus_message *message, sd_bus_error *error,
                sd_bus_message **ret_reply)
{
        const Machine *machine = world == hub.world ? &hub : &device;
        bool interrupt = is_new(sd_bus_message_get_member(message));

        for (int at = 1; interrupt; at++) {
                atomic_store(world->left, at);
                int r = sd_bus_call(world->client, message, 0, error, ret_reply);
                bool survived = atomic_exchange(world->left, 0) > 0;

                if (survived)
                        return r;
                restart(machine);
                if (r < 0 && !mesh_world_was_killed(error))
                        return r;
                *ret_reply = sd_bus_message_unref(*ret_reply);
                sd_bus_error_free(error);
        }
        return sd_bus_call(world->client, message, 0, error, ret_reply);
}

static void begin(const Machine *machine)
{
        machine_enter(machine);
        mesh_world_stop(machine->world);
        mesh_world_preload(machine->world);
        mesh_world_start(machine->world);
        machine->world->call = call;
}

/* ---- what must hold */

static bool is_joined(const MeshWorld *world, const void *argument)
{
        return streq(mesh_peer(hub.world, "laptop", "state"), "active") && mesh_state_is(hub.world, "up") &&
               mesh_state_is(device.world, "up");
}

static bool hub_has_one_peer(const MeshWorld *world, const void *argument)
{
        _cleanup_(wireguard_device_done) WireguardDevice running = WIREGUARD_DEVICE_NULL;

        machine_enter(&hub);
        return mesh_world_read(hub.world, &running) >= 0 && running.n_peers == 1;
}

static void test_each_method(void **state)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *pending = NULL, *admitted = NULL;
        uint8_t sealed[CLAIM_SEALED_MAX], again[CLAIM_SEALED_MAX];
        char digits[16];
        Token token;

        machines_skip();
        begin(&hub);
        begin(&device);
        enrol_start_hub(&token);
        size_t size = enrol_join(KEY_DEVICE, &token, sealed);
        pending = enrol_ask(sealed, size, NULL);
        (void) snprintf(digits, sizeof digits, "%s", enrol_pending("digits"));
        enrol_assert_value(pending, "digits", digits);

        enrol_admit(KEY_DEVICE, "\"version\":1", KEY_MANIFEST, NULL);
        size = enrol_join(KEY_DEVICE, NULL, again);
        admitted = enrol_ask(again, size, NULL);
        enrol_assert_value(admitted, "state", "admitted");
        enrol_assert_value(admitted, "digits", digits);
        enrol_step(&device, "FinishJoin");
        enrol_step(&device, "ConfirmJoin");
        mesh_world_until(is_joined, hub.world, NULL);
        mesh_world_until(hub_has_one_peer, hub.world, NULL);
        assert_string_equal(mesh_peer(hub.world, "laptop", "address"), "10.42.0.10");
        assert_string_equal(enrol_pending("name"), "");

        enrol_step(&device, "Leave");
        assert_string_equal(mesh_status(device.world, "role"), "");
        mesh_call_name(hub.world, "Revoke", "laptop", NULL);
        assert_string_equal(mesh_peer(hub.world, "laptop", "state"), "revoked");
        assert_true(crash.n_kills > 100); /* it was preloaded */
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                machines_test(test_each_method),
        };

        return cmocka_run_group_tests(tests, machines_up, NULL);
}
