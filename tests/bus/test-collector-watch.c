/* SPDX-License-Identifier: MIT */
/* devbox-collector and systemd's signals: which changes it reports, and which it does not. */

#include "collector-world.h"

#include <stdio.h>

/* The names in the signals received so far, "docker,ssh;" for each. */
static char signals[4096];

static int on_units_changed(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        const char *name;

        assert_ok(sd_bus_message_enter_container(message, 'a', "s"));
        while (assert_ok(sd_bus_message_read(message, "s", &name)) > 0)
                (void) snprintf(signals + strlen(signals), sizeof signals - strlen(signals), "%s,", name);
        (void) snprintf(signals + strlen(signals), sizeof signals - strlen(signals), ";");
        return 0;
}

static int watch_up(void **state)
{
        signals[0] = '\0';
        assert_ok(world_up(state));
        assert_ok(sd_bus_match_signal(((const World *) *state)->client, NULL, COLLECTOR, COLLECTOR_PATH,
                                      COLLECTOR, "UnitsChanged", on_units_changed, NULL));
        return 0;
}

#define watch_test(function) cmocka_unit_test_setup_teardown(function, watch_up, world_down)

static bool has_signals(void *userdata)
{
        return signals[0] != '\0';
}

/* A signal without names reports it. */
static void reload(const World *world)
{
        test_daemon_signal(world->collector, SIGHUP);
        test_bus_process_until(world->client, has_signals, NULL);
        assert_string_equal(signals, ";");
        signals[0] = '\0';
}

/* Lets every signal that is under way arrive: one after all of them, by the same way. */
static void settle(const World *world)
{
        fake_set_unit(world->bus, &(FakeUnit){ .id = "gone.service", .sub_state = "marker" });
        do {
                signals[0] = '\0';
                test_bus_process_until(world->client, has_signals, NULL);
        } while (!strstr(signals, "gone,"));
}

static void test_a_change_is_reported(void **state)
{
        const World *world = *state;

        (void) world_units(world);
        fake_set_unit(world->bus, &(FakeUnit){ .id = "ssh.service" });
        test_bus_process_until(world->client, has_signals, NULL);
        assert_string_equal(signals, "ssh,;");
        assert_string_equal(world_units(world),
                            "docker=active/running,ssh=active/running,gone=not-found/dead,");
}

static void test_a_reported_change_needs_no_call(void **state)
{
        const World *world = *state;

        (void) world_units(world);
        fake_set_unit(world->bus, &(FakeUnit){ .id = "ssh.service", .active_enter_at_usec = 99 });
        test_bus_process_until(world->client, has_signals, NULL);

        uint64_t before = fake_calls(world->bus, "total");
        (void) world_units(world);
        assert_int_equal(fake_calls(world->bus, "total") - before, 1);
}

static void test_signals_without_a_change_are_dropped(void **state)
{
        const World *world = *state;

        (void) world_units(world);
        for (int i = 0; i < 20; i++)
                fake_set_unit(world->bus,
                              &(FakeUnit){ .id = "docker.service", .active_enter_at_usec = 1234567 });
        fake_set_unit(world->bus, &(FakeUnit){ .id = "other.service" });
        fake_set_unit(world->bus, &(FakeUnit){ .id = "gone.service", .active_state = "failed" });
        test_bus_process_until(world->client, has_signals, NULL);
        assert_string_equal(signals, "gone,;");
}

/* ssh is inactive, and loaded and dropped with signals at each question: were those changes, one question
 * would lead to the next for ever. */
static void test_calls_change_nothing(void **state)
{
        const World *world = *state;

        for (int i = 0; i < 5; i++)
                (void) world_units(world);
        fake_set_unit(world->bus, &(FakeUnit){ .id = "docker.service", .active_state = "failed" });
        test_bus_process_until(world->client, has_signals, NULL);
        assert_string_equal(signals, "docker,;");
        assert_int_equal(world_metric(world, "units_changed_total"), 1);
}

static void test_no_signals_before_the_first_call(void **state)
{
        const World *world = *state;

        assert_int_equal(fake_subscribers(world->bus), 0);
        fake_set_unit(world->bus, &(FakeUnit){ .id = "ssh.service" });
        assert_int_equal(world_metric(world, "units_watched"), 0);
        (void) world_units(world);
        assert_int_equal(fake_subscribers(world->bus), 1);
        settle(world);
        assert_int_equal(world_metric(world, "units_changed_total"), 1);
}

static void test_an_alias_is_looked_up_once_until_systemd_reloads(void **state)
{
        const World *world = *state;

        test_bus_write_config(world->bus, "services: [sshd, docker]\n");
        fake_set_alias(world->bus, "ssh.service", "sshd.service");
        reload(world);

        assert_string_equal(world_units(world), "sshd=inactive/dead,docker=active/running,");
        assert_int_equal(fake_calls(world->bus, "ListUnitsByNames"), 2);
        uint64_t before = fake_calls(world->bus, "total");
        assert_string_equal(world_units(world), "sshd=inactive/dead,docker=active/running,");
        assert_int_equal(fake_calls(world->bus, "total") - before, 1);

        fake_set_unit(world->bus, &(FakeUnit){ .id = "ssh.service" });
        test_bus_process_until(world->client, has_signals, NULL);
        assert_string_equal(signals, "sshd,;");

        signals[0] = '\0';
        fake_set_alias(world->bus, "ssh.service", "");
        fake_set_alias(world->bus, "openssh.service", "sshd.service");
        fake_set_unit(world->bus, &(FakeUnit){ .id = "openssh.service", .sub_state = "other" });
        fake_reload(world->bus);
        test_bus_process_until(world->client, has_signals, NULL);
        assert_string_equal(signals, "sshd,docker,;");
        assert_string_equal(world_units(world), "sshd=active/other,docker=active/running,");
}

static void test_two_names_of_one_unit(void **state)
{
        const World *world = *state;

        test_bus_write_config(world->bus, "services: [sshd, ssh]\n");
        fake_set_alias(world->bus, "ssh.service", "sshd.service");
        reload(world);
        assert_string_equal(world_units(world), "sshd=inactive/dead,ssh=inactive/dead,");
        fake_set_unit(world->bus, &(FakeUnit){ .id = "ssh.service" });
        test_bus_process_until(world->client, has_signals, NULL);
        assert_string_equal(signals, "sshd,ssh,;");
}

static void test_a_restart_of_systemd_counts_as_a_change_of_all(void **state)
{
        World *world = *state;

        (void) world_units(world);
        (void) test_daemon_stop(world->systemd);
        test_bus_process_until(world->client, has_signals, NULL);
        assert_string_equal(signals, "docker,ssh,gone,;");

        signals[0] = '\0';
        world->systemd = test_daemon_free(world->systemd);
        world->systemd = fake_start(world->bus);
        test_bus_process_until(world->client, has_signals, NULL);
        fake_wait_calls(world->bus, "Subscribe", 1);
        fake_set_unit(world->bus, &(FakeUnit){ .id = "ssh.service" });
        (void) world_units(world);
        signals[0] = '\0';
        fake_set_unit(world->bus, &(FakeUnit){ .id = "ssh.service", .active_state = "failed" });
        test_bus_process_until(world->client, has_signals, NULL);
        assert_string_equal(signals, "ssh,;");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                watch_test(test_a_change_is_reported),
                watch_test(test_a_reported_change_needs_no_call),
                watch_test(test_signals_without_a_change_are_dropped),
                watch_test(test_calls_change_nothing),
                watch_test(test_no_signals_before_the_first_call),
                watch_test(test_an_alias_is_looked_up_once_until_systemd_reloads),
                watch_test(test_two_names_of_one_unit),
                watch_test(test_a_restart_of_systemd_counts_as_a_change_of_all),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
