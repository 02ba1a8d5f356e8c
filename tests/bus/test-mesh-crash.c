/* SPDX-License-Identifier: MIT */
/* devbox-mesh, killed before each of the calls by which it changes something, and then at random ones: what
 * it finds when it starts again, and what it makes of that. */

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "mesh-world.h"

#define N_RANDOM  40
#define FIRST_KEY 16

static struct Crash {
        unsigned n_devices;
        bool revoked[256];
} crash;

/* ---- the daemon */

/* A call that the daemon may not survive. Returns whether it was answered. */
static bool call(const MeshWorld *world, sd_bus_message *message, int at)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *reply = NULL;

        atomic_store(world->left, at);
        int r = sd_bus_call(world->client, message, 0, &error, &reply);
        assert_true(r >= 0 || mesh_world_was_killed(&error));
        sd_bus_message_unref(message);
        sd_bus_message_unref(reply);
        return r >= 0;
}

/* ---- what must hold after each crash */

static const char *device_name(unsigned i)
{
        static char name[16];

        (void) snprintf(name, sizeof name, "dev-%u", i);
        return name;
}

static bool is_settled(const MeshWorld *world, const void *argument)
{
        _cleanup_(wireguard_device_done) WireguardDevice running = WIREGUARD_DEVICE_NULL;
        char peers[16];

        if (!mesh_state_is(world, "up") || mesh_world_read(world, &running) < 0)
                return false;
        (void) snprintf(peers, sizeof peers, "%zu", running.n_peers);
        return streq(mesh_status(world, "peers"), peers) &&
               test_metric(world->client, MESH, "revocations_recorded_later") == 0;
}

/* A peer is loaded if and only if it is not revoked, with the address that the database has for it, and what
 * is revoked stays so. */
static void assert_consistent(const MeshWorld *world)
{
        _cleanup_(wireguard_device_done) WireguardDevice running = WIREGUARD_DEVICE_NULL;
        char address[IP_PREFIX_TEXT_SIZE];

        mesh_world_until(is_settled, world, NULL);
        assert_ok(mesh_world_read(world, &running));
        for (unsigned i = 0; i < crash.n_devices; i++) {
                WireguardKey key = mesh_world_key((uint8_t) (FIRST_KEY + i));
                const WireguardPeer *peer = wireguard_device_find_peer(&running, &key);
                bool revoked = streq(mesh_peer(world, device_name(i), "state"), "revoked");

                assert_true(revoked || !crash.revoked[i]);
                assert_int_equal(peer != NULL, !revoked);
                crash.revoked[i] = revoked;
                if (!peer)
                        continue;
                assert_int_equal(peer->n_allowed_ips, 1);
                (void) ip_prefix_format_address(&peer->allowed_ips[0], address);
                assert_string_equal(mesh_peer(world, device_name(i), "address"), address);
        }
}

static void add_device(const MeshWorld *world)
{
        unsigned i = crash.n_devices++;
        char address[32];

        (void) snprintf(address, sizeof address, "10.42.0.%u", 10 + i);
        mesh_world_add_peer(world, device_name(i), (uint8_t) (FIRST_KEY + i), address);
}

/* ---- what is interrupted */

typedef enum Operation { REVOKE, MOVE, _OPERATION_MAX } Operation;

/* The calls that it makes with all that follows: rows in the database, the next poll. */
static const int n_calls[_OPERATION_MAX] = { [REVOKE] = 28, [MOVE] = 14 };

static sd_bus_message *make_call(const MeshWorld *world, Operation operation, unsigned i)
{
        sd_bus_message *message = mesh_call(world, operation == REVOKE ? "Revoke" : "SetPeer");
        char address[32];

        assert_ok(sd_bus_message_append(message, "s", device_name(i)));
        (void) snprintf(address, sizeof address, "10.42.0.%u", 130 + i);
        if (operation == MOVE)
                assert_ok(sd_bus_message_append(message, "a{sv}", 1, "address", "s", address));
        return message;
}

/* On the last device, which is a new one. */
static void crash_at(MeshWorld *world, Operation operation, int at)
{
        unsigned i = crash.n_devices - 1;
        bool answered = call(world, make_call(world, operation, i), at);

        assert_int_equal(test_daemon_wait(world->daemon),
                         128 + SIGKILL); /* at the latest in its next polls */
        add_device(world);
        mesh_world_restart_killed(world);
        assert_consistent(world);
        assert_true(!answered || operation != REVOKE || crash.revoked[i]);
}

static void crash_hub(MeshWorld *world)
{
        mesh_configure(world, MESH_PREFIX, "hub.example.org", NULL);
        mesh_world_until(mesh_state_is, world, "up");
        mesh_world_stop(world);
        add_device(world);
        mesh_world_preload(world);
        mesh_world_start(world);
        assert_consistent(world);
}

static void test_at_each_call(void **state)
{
        MeshWorld *world = *state;

        mesh_world_skip();
        crash_hub(world);
        for (Operation operation = 0; operation < _OPERATION_MAX; operation++)
                for (int at = 1; at <= n_calls[operation]; at++)
                        crash_at(world, operation, at);
}

static int up(void **state)
{
        crash = (struct Crash){ 0 };
        return mesh_world_up(state);
}

static void crash_at_random(MeshWorld *world, unsigned seed)
{
        srandom(seed);
        crash_hub(world);
        for (unsigned i = 0; i < N_RANDOM; i++) {
                Operation operation = (Operation) random() % _OPERATION_MAX;

                crash_at(world, operation, 1 + (int) random() % n_calls[operation]);
        }
}

/* DEVBOX_CRASHES: so many at least, each N_RANDOM of them in a network of their own. */
static void test_at_random(void **state)
{
        const char *wanted = getenv("DEVBOX_CRASHES");
        int n_left = wanted ? atoi(wanted) : N_RANDOM;

        mesh_world_skip();
        for (unsigned seed = 1; n_left > 0; seed++, n_left -= N_RANDOM) {
                if (seed > 1) {
                        assert_int_equal(mesh_world_down(state), 0);
                        assert_int_equal(up(state), 0);
                }
                crash_at_random(*state, seed);
        }
}

/* Until it is the hub: asked again after each crash, as devboxctl does. */
static void test_while_it_becomes_the_hub(void **state)
{
        MeshWorld *world = *state;
        bool answered = false;

        mesh_world_skip();
        mesh_world_stop(world);
        mesh_world_preload(world);
        mesh_world_start(world);
        for (int at = 1; !answered; at++) {
                sd_bus_message *message = mesh_call(world, "ConfigureHub");

                assert_ok(sd_bus_message_append(message, "a{sv}", 2, "network", "s", "home", "endpoints",
                                                "as", 1, "hub.example.org"));
                /* It may be killed between its answer and the end of the count. */
                answered = call(world, message, at) && atomic_exchange(world->left, 0) > 0;
                if (answered)
                        continue;
                mesh_world_restart_killed(world);
        }
        assert_consistent(world);
        assert_string_equal(mesh_status(world, "address"), "10.42.0.1");
}

/* ---- at the start */

static bool is_up(const MeshWorld *world)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;

        return sd_bus_call_method(world->client, MESH, MESH_PATH, MESH, "GetStatus", NULL, &reply, "") >=
                       0 &&
               streq(mesh_read_key(reply, "state"), "up");
}

static bool has_ended(const MeshWorld *world)
{
        siginfo_t end = { .si_pid = 0 };

        assert_int_equal(waitid(P_PID, (id_t) world->daemon->pid, &end, WEXITED | WNOHANG | WNOWAIT), 0);
        return end.si_pid != 0;
}

/* Starts it as after a boot, to be killed before that call. Returns whether it survived. */
static bool survives_start(MeshWorld *world, int at)
{
        usec_t deadline = deadline_after(TEST_DEADLINE_SEC * USEC_PER_SEC);

        mesh_world_stop_engine(world);
        mesh_world_start_engine(world);
        atomic_store(world->left, at);
        mesh_world_begin(world);
        while (!has_ended(world) && !is_up(world)) {
                assert_true(deadline_left(deadline) > 0);
                (void) poll(NULL, 0, 1);
        }
        if (atomic_exchange(world->left, 0) > 0)
                return true;

        assert_int_equal(test_daemon_wait(world->daemon), 128 + SIGKILL);
        world->daemon = test_daemon_free(world->daemon);
        test_bus_wait_owner(world->bus, MESH, false);
        return false;
}

static bool has_key(const MeshWorld *world, unsigned i)
{
        _cleanup_(wireguard_device_done) WireguardDevice running = WIREGUARD_DEVICE_NULL;
        WireguardKey key = mesh_world_key((uint8_t) (FIRST_KEY + i));

        return mesh_world_read(world, &running) >= 0 && wireguard_device_find_peer(&running, &key);
}

/* A revocation that only the journal has: the peer is never loaded, however often a start is cut short. */
static void test_while_it_starts(void **state)
{
        _cleanup_(database_closep) Database *other = NULL;
        Transaction lock = TRANSACTION_NULL;
        MeshWorld *world = *state;
        char path[128];

        mesh_world_skip();
        crash_hub(world);
        mesh_world_stop(world);
        add_device(world);
        mesh_world_start(world);
        assert_consistent(world);
        (void) snprintf(path, sizeof path, "%s/mesh.db", world->directory);
        assert_ok(database_open(path, DATABASE_OWN, &mesh_schema, &other));
        assert_ok(transaction_begin(other, &lock));
        mesh_call_name(world, "Revoke", device_name(1), NULL);
        world->daemon = test_daemon_free(world->daemon); /* by SIGKILL */
        transaction_done(&lock);
        other = database_close(other);

        for (int at = 1; !survives_start(world, at); at++)
                assert_false(has_key(world, 1));
        crash.revoked[1] = true;
        assert_consistent(world);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_while_it_becomes_the_hub, up, mesh_world_down),
                cmocka_unit_test_setup_teardown(test_while_it_starts, up, mesh_world_down),
                cmocka_unit_test_setup_teardown(test_at_each_call, up, mesh_world_down),
                cmocka_unit_test_setup_teardown(test_at_random, up, mesh_world_down),
        };

        return cmocka_run_group_tests(tests, mesh_world_enter, NULL);
}
