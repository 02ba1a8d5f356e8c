/* SPDX-License-Identifier: MIT */
/* devbox-collector from start to end: configuration, reload, leaving, and that no call is lost on the way.
 */

#include "collector-world.h"

#include <stdio.h>
#include <string.h>

static void test_a_second_collector_gives_up(void **state)
{
        const World *world = *state;
        _cleanup_(test_daemon_freep) TestDaemon *second = test_daemon_start_full(
                world->bus,
                &(TestDaemonOptions){ .program = COLLECTOR_PROGRAM, .name = COLLECTOR, .no_wait = true });

        assert_int_equal(test_daemon_wait(second), EXIT_FAILURE);
        test_bus_wait_log(world->bus, COLLECTOR, "Cannot own the name org.devbox.Collector1");
        assert_true(world_healthy(world));
}

static void test_arguments_are_refused(void **state)
{
        const World *world = *state;
        const char *const arguments[] = { "--frobnicate", NULL };
        _cleanup_(test_daemon_freep) TestDaemon *odd =
                test_daemon_start_full(world->bus, &(TestDaemonOptions){ .program = COLLECTOR_PROGRAM,
                                                                         .name = COLLECTOR,
                                                                         .arguments = arguments,
                                                                         .no_wait = true });

        assert_int_equal(test_daemon_wait(odd), 2);
}

static void test_it_ends_with_the_bus(void **state)
{
        World *world = *state;

        assert_int_equal(kill(world->bus->pid, SIGKILL), 0);
        assert_int_equal(test_daemon_wait(world->collector), EXIT_FAILURE);
}

static void test_sigterm_answers_what_waits(void **state)
{
        World *world = *state;
        Replies replies = { 0 };

        fake_hold(world->bus, "ListUnitsByNames");
        replies_send(&replies, world->client, GET_UNITS, 3);
        fake_wait_calls(world->bus, "ListUnitsByNames", 1);
        test_daemon_signal(world->collector, SIGTERM);
        test_bus_wait_owner(world->bus, COLLECTOR, false);
        test_daemon_signal(world->collector, SIGTERM); /* as systemd does when the name is gone */

        fake_release(world->bus, "ListUnitsByNames");
        test_bus_process_until(world->client, replies_complete, &replies);
        assert_int_equal(replies.n_errors, 0);
        assert_int_equal(test_daemon_wait(world->collector), EXIT_SUCCESS);
}

static void test_restart_replies_then_ends_with_75(void **state)
{
        World *world = *state;

        sd_bus_message_unref(test_call(world->client, COLLECTOR, RESTART));
        assert_int_equal(test_daemon_wait(world->collector), 75);
}

static void test_restart_is_refused_on_a_bad_configuration(void **state)
{
        const World *world = *state;
        _cleanup_(freep) char *message = NULL;

        test_bus_write_config(world->bus, "services: [docker]\nhtpp: {}\n");
        test_call_error(world->client, COLLECTOR, RESTART, "org.devbox.Error.ConfigInvalid", &message);
        assert_non_null(strstr(message, "config.yaml:2: "));
        assert_false(world_healthy(world));
        assert_string_equal(world_units(world),
                            "docker=active/running,ssh=inactive/dead,gone=not-found/dead,");
}

static void test_reload_takes_the_new_configuration(void **state)
{
        const World *world = *state;

        (void) world_units(world);
        test_bus_write_config(world->bus, "services: [gone.timer, docker]\n");
        test_daemon_signal(world->collector, SIGHUP);
        test_bus_wait_log(world->bus, COLLECTOR, "The configuration was read again");
        assert_string_equal(world_units(world), "gone.timer=not-found/dead,docker=active/running,");
}

static void test_reload_with_a_bad_configuration_keeps_the_old_one(void **state)
{
        const World *world = *state;

        test_bus_write_config(world->bus, "services: [docker]\n\nhttp: {port: many}\n");
        test_daemon_signal(world->collector, SIGHUP);
        test_bus_wait_log(world->bus, COLLECTOR, "config.yaml:3: ");
        assert_string_equal(world_units(world),
                            "docker=active/running,ssh=inactive/dead,gone=not-found/dead,");
        assert_false(world_healthy(world));

        test_bus_write_config(world->bus, NULL);
        test_daemon_signal(world->collector, SIGHUP);
        test_bus_wait_log(world->bus, COLLECTOR, "does not exist");
        assert_string_equal(world_units(world),
                            "docker=active/running,ssh=inactive/dead,gone=not-found/dead,");

        test_bus_write_config(world->bus, "services: [docker]\n");
        test_daemon_signal(world->collector, SIGHUP);
        test_bus_wait_log(world->bus, COLLECTOR, "The configuration was read again");
        assert_string_equal(world_units(world), "docker=active/running,");
        assert_true(world_healthy(world));
}

static void test_a_reload_restarts_the_refresh_under_way(void **state)
{
        const World *world = *state;
        Replies replies = { 0 };

        fake_hold(world->bus, "ListUnitsByNames");
        replies_send(&replies, world->client, GET_UNITS, 2);
        fake_wait_calls(world->bus, "ListUnitsByNames", 1);
        test_bus_write_config(world->bus, "services: []\n");
        test_daemon_signal(world->collector, SIGHUP);
        test_bus_process_until(world->client, replies_complete, &replies);
        assert_int_equal(replies.n_errors, 0);
}

static void test_a_start_with_an_invalid_configuration(void **state)
{
        World *world = *state;
        _cleanup_(freep) char *message = NULL;

        test_bus_write_config(world->bus, "services: docker\n");
        world_start_collector(world);
        test_call_error(world->client, COLLECTOR, GET_SYSTEM, "org.devbox.Error.ConfigInvalid", &message);
        assert_non_null(strstr(message, "config.yaml:1: "));
        test_call_error(world->client, COLLECTOR, GET_UNITS, "org.devbox.Error.ConfigInvalid", NULL);
        test_call_error(world->client, COLLECTOR, GET_SNAPSHOT, "org.devbox.Error.ConfigInvalid", NULL);
        assert_false(world_healthy(world));

        test_bus_write_config(world->bus, "services: [docker]\n");
        test_daemon_signal(world->collector, SIGHUP);
        test_bus_wait_log(world->bus, COLLECTOR, "The configuration was read again");
        assert_string_equal(world_units(world), "docker=active/running,");
        assert_true(world_healthy(world));
}

static void test_started_on_a_bad_configuration_it_soon_leaves(void **state)
{
        World *world = *state;

        test_bus_write_config(world->bus, "?");
        world_start_collector(world);
        assert_int_equal(test_daemon_wait(world->collector), EXIT_SUCCESS);
}

static void test_idle_it_leaves_unless_the_next_could_not_start(void **state)
{
        World *world = *state;

        /* Long enough to write the next one before it leaves. */
        test_bus_write_config(world->bus, "collector: {idle_exit_sec: 6}\n");
        world_start_collector(world);
        test_bus_write_config(world->bus, "collector: {idle_exit_sec: soon}\n");
        test_bus_wait_log(world->bus, COLLECTOR, "keeping the last valid one");
        assert_false(world_healthy(world));

        test_bus_write_config(world->bus, "collector: {idle_exit_sec: 2}\n");
        assert_int_equal(test_daemon_wait(world->collector), EXIT_SUCCESS);
}

static pid_t owner_pid(const World *world)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        uint32_t pid;

        assert_ok(sd_bus_call_method(world->client, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                     "org.freedesktop.DBus", "GetConnectionUnixProcessID", NULL, &reply, "s",
                                     COLLECTOR));
        assert_ok(sd_bus_message_read(reply, "u", &pid));
        return (pid_t) pid;
}

/* Calls are sent while the process exits: each is answered, by the old one or by the one that the bus then
 * starts. */
static void test_leaving_loses_no_call(void **state)
{
        World *world = *state;

        test_bus_add_activation(world->bus, COLLECTOR, COLLECTOR_PROGRAM);
        for (int round = 0; round < 100; round++) {
                Replies replies = { 0 };

                replies_send(&replies, world->client, GET_UNITS, 1);
                test_bus_process_until(world->client, replies_complete, &replies);
                pid_t pid = owner_pid(world);
                for (int i = 0; i < 20; i++) {
                        if (i == round % 20)
                                assert_int_equal(kill(pid, SIGTERM), 0);
                        replies_send(&replies, world->client, GET_UNITS, 1);
                }
                test_bus_process_until(world->client, replies_complete, &replies);
                if (replies.n_errors > replies.n_late) /* on a slow machine; that is an answer, too */
                        fail_msg("round %d: %zu calls failed: %s", round, replies.n_errors,
                                 replies.error_name);
        }
}

int main(void)
{
#define world_test_alone(function)                                                                          \
        cmocka_unit_test_setup_teardown(function, world_up_without_collector, world_down)

        const struct CMUnitTest tests[] = {
                world_test(test_a_second_collector_gives_up),
                world_test(test_arguments_are_refused),
                world_test(test_it_ends_with_the_bus),
                world_test(test_sigterm_answers_what_waits),
                world_test(test_restart_replies_then_ends_with_75),
                world_test(test_restart_is_refused_on_a_bad_configuration),
                world_test(test_reload_takes_the_new_configuration),
                world_test(test_reload_with_a_bad_configuration_keeps_the_old_one),
                world_test(test_a_reload_restarts_the_refresh_under_way),
                world_test_alone(test_a_start_with_an_invalid_configuration),
                world_test_alone(test_started_on_a_bad_configuration_it_soon_leaves),
                world_test_alone(test_idle_it_leaves_unless_the_next_could_not_start),
                world_test_alone(test_leaving_loses_no_call),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
