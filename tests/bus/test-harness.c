/* SPDX-License-Identifier: MIT */
/* The harness and the fake systemd1 themselves: a ring that tests nothing would pass everything. */

#include "fake.h"
#include "harness.h"

#include <signal.h>

#define MANAGER "org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager"

typedef struct World {
        TestBus *bus;
        TestDaemon *systemd;
} World;

static int world_up(void **state)
{
        World *world = calloc(1, sizeof *world);

        assert_non_null(world);
        world->bus = test_bus_new();
        world->systemd = fake_start(world->bus);
        *state = world;
        return 0;
}

static int world_down(void **state)
{
        World *world = *state;

        test_daemon_free(world->systemd);
        test_bus_free(world->bus);
        free(world);
        return 0;
}

/* The ids of the rows that ListUnitsByNames gives, with a comma after each. */
static char *list(sd_bus *client, const char *a, const char *b, const char *c)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *id, *load, *active;
        static char text[1024];

        text[0] = '\0';
        assert_ok(sd_bus_call_method(client, MANAGER, "ListUnitsByNames", NULL, &reply, "as", 3, a, b, c));
        assert_ok(sd_bus_message_enter_container(reply, 'a', "(ssssssouso)"));
        while (assert_ok(sd_bus_message_read(reply, "(ssssssouso)", &id, NULL, &load, &active, NULL, NULL,
                                             NULL, NULL, NULL, NULL)) > 0)
                (void) snprintf(text + strlen(text), sizeof text - strlen(text), "%s=%s/%s,", id, load,
                                active);
        return text;
}

static void test_the_fake_lists_as_systemd_252_does(void **state)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        const World *world = *state;

        fake_set_unit(world->bus, &(FakeUnit){ .id = "ssh.service" });
        fake_set_alias(world->bus, "ssh.service", "sshd.service");
        assert_string_equal(list(world->bus->client, "sshd.service", "no suffix", "gone.timer"),
                            "ssh.service=loaded/active,gone.timer=not-found/inactive,");
        assert_err(sd_bus_call_method(world->bus->client, MANAGER, "ListUnitsByNames", &error, NULL, "as", 2,
                                      "ssh.service", "getty@.service"),
                   -EINVAL);
        assert_string_equal(error.name, "org.freedesktop.DBus.Error.InvalidArgs");
}

static void test_the_fake_runs_a_job(void **state)
{
        _cleanup_(freep) char *result = NULL;
        const World *world = *state;

        fake_set_unit(world->bus, &(FakeUnit){ .id = "t.service", .active_state = "inactive" });
        assert_ok(sd_bus_call_method(world->bus->client, MANAGER, "StartUnit", NULL, NULL, "ss", "t.service",
                                     "replace"));
        assert_string_equal(list(world->bus->client, "t.service", "", ""), "t.service=loaded/activating,");
        fake_finish(world->bus, "t.service", "exit-code", 3);
        assert_string_equal(list(world->bus->client, "t.service", "", ""), "t.service=loaded/failed,");
        assert_ok(sd_bus_get_property_string(world->bus->client, "org.freedesktop.systemd1",
                                             "/org/freedesktop/systemd1/unit/t_2eservice",
                                             "org.freedesktop.systemd1.Service", "Result", NULL, &result));
        assert_string_equal(result, "exit-code");
}

static int on_reply(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        *(int *) userdata = sd_bus_message_is_method_error(reply, NULL) ? -1 : 1;
        return 0;
}

static bool is_set(void *userdata)
{
        return *(int *) userdata != 0;
}

static void test_the_fake_counts_holds_and_fails(void **state)
{
        const World *world = *state;
        int outcome = 0;

        fake_hold(world->bus, "ListUnitsByNames");
        assert_ok(sd_bus_call_method_async(world->bus->client, NULL, MANAGER, "ListUnitsByNames", on_reply,
                                           &outcome, "as", 1, "a.service"));
        fake_wait_calls(world->bus, "ListUnitsByNames", 1);
        assert_int_equal(outcome, 0);
        fake_release(world->bus, "ListUnitsByNames");
        test_bus_process_until(world->bus->client, is_set, &outcome);
        assert_int_equal(outcome, 1);

        fake_fail(world->bus, "Subscribe", "org.freedesktop.DBus.Error.Failed");
        assert_true(sd_bus_call_method(world->bus->client, MANAGER, "Subscribe", NULL, NULL, NULL) < 0);
        fake_fail(world->bus, "Subscribe", NULL);
        assert_ok(sd_bus_call_method(world->bus->client, MANAGER, "Subscribe", NULL, NULL, NULL));
        assert_int_equal(fake_calls(world->bus, "Subscribe"), 2);
        assert_int_equal(fake_subscribers(world->bus), 1);
        assert_int_equal(fake_calls(world->bus, "total"), 3);
}

static bool is_third_time(void *userdata)
{
        return ++*(unsigned *) userdata == 3;
}

static void test_a_condition_without_a_message(void **state)
{
        const World *world = *state;
        unsigned n = 0;

        test_bus_process_until(world->bus->client, is_third_time, &n);
        assert_int_equal(n, 3);
}

static void test_a_daemon_is_waited_for(void **state)
{
        World *world = *state;

        assert_true(test_bus_has_owner(world->bus, "org.freedesktop.systemd1"));
        test_daemon_signal(world->systemd, SIGKILL);
        assert_int_equal(test_daemon_wait(world->systemd), 128 + SIGKILL);
        test_bus_wait_owner(world->bus, "org.freedesktop.systemd1", false);
}

static void test_the_bus_activates(void **state)
{
        World *world = *state;

        assert_int_equal(test_daemon_stop(world->systemd), 128 + SIGTERM);
        test_bus_wait_owner(world->bus, "org.freedesktop.systemd1", false); /* the bus learns of it later */
        test_bus_add_activation(world->bus, "org.freedesktop.systemd1", "tests/bus/fake-systemd");
        assert_int_equal(fake_calls(world->bus, "total"), 0);
        assert_true(test_bus_has_owner(world->bus, "org.freedesktop.systemd1"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_the_fake_lists_as_systemd_252_does, world_up,
                                                world_down),
                cmocka_unit_test_setup_teardown(test_the_fake_runs_a_job, world_up, world_down),
                cmocka_unit_test_setup_teardown(test_the_fake_counts_holds_and_fails, world_up, world_down),
                cmocka_unit_test_setup_teardown(test_a_condition_without_a_message, world_up, world_down),
                cmocka_unit_test_setup_teardown(test_a_daemon_is_waited_for, world_up, world_down),
                cmocka_unit_test_setup_teardown(test_the_bus_activates, world_up, world_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
