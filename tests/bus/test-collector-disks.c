/* SPDX-License-Identifier: MIT */
/* devbox-collector and file systems that do not answer. */

#include <signal.h>
#include <stdio.h>

#include "collector-world.h"
#include "fuse-server.h"
#include "sample/sample-bus.h"

typedef struct Mounts {
        char srv[256], deep[256]; /* a FUSE mount, and a local one below it that the other hides */
} Mounts;

static void mount_dead_server(const World *world, Mounts *mounts)
{
        (void) snprintf(mounts->srv, sizeof mounts->srv, "%s/srv", world->bus->directory);
        (void) snprintf(mounts->deep, sizeof mounts->deep, "%s/srv/deep", world->bus->directory);
        assert_ok(mkdir(mounts->srv, 0755));
        assert_ok(mkdir(mounts->deep, 0755));
        assert_ok(mount("tmpfs", mounts->deep, "tmpfs", 0, NULL));
        fuse_server_mount(mounts->srv);
        atomic_store(&fuse_server.dead, true);
}

static void unmount(Mounts *mounts)
{
        assert_ok(umount2(mounts->deep, MNT_DETACH));
        assert_ok(rmdir(mounts->deep));
        assert_ok(rmdir(mounts->srv));
}

static void write_config(const World *world, const Mounts *mounts)
{
        char yaml[1024];

        (void) snprintf(yaml, sizeof yaml, "services: [docker]\ncollector:\n  disks:\n  - %s\n  - /\n",
                        mounts->deep);
        test_bus_write_config(world->bus, yaml);
}

static void assert_disks(const World *world, const char *problem)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply =
                test_call(world->client, COLLECTOR, GET_SYSTEM);
        _cleanup_(system_sample_done) SystemSample sample = { 0 };

        assert_ok(system_sample_read(reply, &sample));
        assert_true(sample.memory_total_bytes > 0 && sample.memory_total_bytes != SAMPLE_UNKNOWN);
        assert_int_equal(sample.n_disks, 2);
        assert_string_equal(strempty(sample.disks[0].problem), problem);
        assert_int_equal(sample.disks[0].total_bytes == SAMPLE_UNKNOWN, *problem != '\0');
        assert_null(sample.disks[1].problem);
        assert_true(sample.disks[1].total_bytes != SAMPLE_UNKNOWN);
}

static size_t count_in_log(const World *world, const char *text)
{
        _cleanup_(freep) char *log = test_bus_read_log(world->bus, COLLECTOR);
        size_t n = 0;

        for (const char *at = log; (at = strstr(at, text)); at++)
                n++;
        return n;
}

static void test_a_dead_mount_is_left_out(void **state)
{
        World *world = *state;
        Mounts mounts;

        if (!fuse_server_possible())
                skip();

        mount_dead_server(world, &mounts);
        write_config(world, &mounts);
        world_start_collector(world);
        for (int i = 0; i < 20; i++) {
                assert_disks(world, "timeout");
                assert_string_equal(world_units(world), "docker=active/running,");
        }
        assert_false(world_healthy(world));
        assert_float_equal(world_metric(world, "disks_hung"), 1, 0);
        assert_int_equal(count_in_log(world, "does not answer"), 1);

        fuse_server_abort();
        test_bus_wait_log(world->bus, COLLECTOR, "does not exist or cannot be read");
        while (!world_healthy(world))
                sd_bus_message_unref(test_call(world->client, COLLECTOR, GET_SYSTEM));
        assert_disks(world, "");
        assert_float_equal(world_metric(world, "disks_hung"), 0, 0);
        assert_int_equal(test_daemon_stop(world->collector), 0);
        unmount(&mounts);
}

/* The process cannot end while its thread hangs, but it lets go of its name, for the next one. */
static void end_and_replace(World *world, int number, int exit_code)
{
        TestDaemon *old;
        Mounts mounts;

        if (!fuse_server_possible())
                skip();

        mount_dead_server(world, &mounts);
        write_config(world, &mounts);
        world_start_collector(world);
        assert_disks(world, "timeout");

        old = TAKE_PTR(world->collector);
        test_daemon_signal(old, number);
        test_bus_wait_owner(world->bus, COLLECTOR, false);
        world_start_collector(world);
        assert_disks(world, "timeout");

        fuse_server_abort();
        assert_int_equal(test_daemon_wait(old), exit_code);
        test_daemon_free(old);
        assert_int_equal(test_daemon_stop(world->collector), 0);
        unmount(&mounts);
}

static void test_it_stops_while_a_thread_hangs(void **state)
{
        end_and_replace(*state, SIGTERM, 0);
}

static void test_it_is_killed_while_a_thread_hangs(void **state)
{
        end_and_replace(*state, SIGKILL, 128 + SIGKILL);
}

static int down(void **state)
{
        fuse_server_abort();
        return world_down(state);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, world_up_without_collector, down)
        const struct CMUnitTest tests[] = {
                TEST(test_a_dead_mount_is_left_out),
                TEST(test_it_stops_while_a_thread_hangs),
                TEST(test_it_is_killed_while_a_thread_hangs),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
