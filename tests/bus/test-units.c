/* SPDX-License-Identifier: MIT */
/* The unit states as an object, with spans short enough to see them end: the watch stops, nothing wakes us.
 */

#include "collector/units.h"

#include "fake.h"
#include "harness.h"
#include "proto/error.h"

typedef struct World {
        TestBus *bus;
        TestDaemon *systemd;
        sd_event *event;
        sd_bus *client; /* the units' connection */
        Units *units;
        unsigned n_refreshed, n_changed;
        int result;
} World;

static const ConfigService services[] = {
        { (char *) "docker", (char *) "docker.service" },
        { (char *) "sshd", (char *) "sshd.service" },
};

static void on_refreshed(int result, void *owner)
{
        World *world = owner;

        world->n_refreshed++;
        world->result = result;
}

static void on_changed(const char *const *names, size_t n_names, void *owner)
{
        ((World *) owner)->n_changed += (unsigned) n_names;
}

static int world_up_with(void **state, usec_t deadline_usec)
{
        World *world = calloc(1, sizeof *world);

        assert_non_null(world);
        *state = world;
        world->bus = test_bus_new();
        world->systemd = fake_start(world->bus);
        fake_set_unit(world->bus, &(FakeUnit){ .id = "docker.service", .active_enter_at_usec = 11 });
        fake_set_unit(world->bus, &(FakeUnit){ .id = "ssh.service", .active_enter_at_usec = 22 });
        fake_set_alias(world->bus, "ssh.service", "sshd.service");

        world->client = test_bus_connect(world->bus);
        assert_ok(sd_event_new(&world->event));
        assert_ok(sd_bus_attach_event(world->client, world->event, SD_EVENT_PRIORITY_NORMAL));
        assert_ok(units_new(world->client,
                            &(UnitsOptions){ .deadline_usec = deadline_usec,
                                             .watch_usec = 50 * USEC_PER_MSEC,
                                             .on_refreshed = on_refreshed,
                                             .on_changed = on_changed,
                                             .owner = world },
                            &world->units));
        assert_ok(units_set_services(world->units, services, ELEMENTSOF(services)));
        return 0;
}

static int world_up(void **state)
{
        return world_up_with(state, TEST_DEADLINE_SEC * USEC_PER_SEC);
}

static int world_up_hasty(void **state)
{
        return world_up_with(state, 300 * USEC_PER_MSEC);
}

static int world_down(void **state)
{
        World *world = *state;

        units_free(world->units);
        sd_bus_detach_event(world->client);
        sd_bus_flush_close_unref(world->client);
        sd_event_unref(world->event);
        test_daemon_free(world->systemd);
        test_bus_free(world->bus);
        free(world);
        return 0;
}

static void refresh(World *world)
{
        unsigned before = world->n_refreshed;

        assert_err(units_refresh(world->units), UNITS_WAIT);
        while (world->n_refreshed == before)
                assert_true(assert_ok(sd_event_run(world->event, TEST_DEADLINE_SEC * USEC_PER_SEC)) > 0);
}

/* Returns false if this machine is slower than the deadline: the refresh did not begin. */
static bool refresh_hastily(World *world)
{
        unsigned before = world->n_refreshed;
        int r = units_refresh(world->units);

        if (r == -ETIMEDOUT)
                return false;
        assert_int_equal(r, UNITS_WAIT);
        while (world->n_refreshed == before)
                assert_true(assert_ok(sd_event_run(world->event, TEST_DEADLINE_SEC * USEC_PER_SEC)) > 0);
        return true;
}

static void run_until_unwatched(World *world)
{
        while (units_watching(world->units))
                assert_true(assert_ok(sd_event_run(world->event, TEST_DEADLINE_SEC * USEC_PER_SEC)) > 0);
}

static void test_a_refresh_fills_the_samples(void **state)
{
        World *world = *state;

        refresh(world);
        assert_int_equal(world->result, 0);

        const UnitSamples *samples = units_samples(world->units);
        assert_int_equal(samples->n_units, 2);
        assert_string_equal(samples->units[1].name, "sshd");
        assert_string_equal(samples->units[1].id, "ssh.service");
        assert_int_equal(samples->units[0].active_enter_at_usec, 11);
        assert_int_equal(samples->units[1].active_enter_at_usec, 22);
        assert_true(units_refreshed_at_usec(world->units) > 0);
}

/* Receives what was sent to the units before, and processes it. Returns whether there was anything. */
static bool process_all(World *world)
{
        bool any = false;

        assert_ok(sd_bus_call_method(world->client, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                     "org.freedesktop.DBus", "GetId", NULL, NULL, NULL));
        while (assert_ok(sd_event_run(world->event, 0)) > 0)
                any = true;
        return any;
}

static void test_after_the_watch_no_signal_arrives(void **state)
{
        World *world = *state;

        refresh(world);
        run_until_unwatched(world);
        fake_wait_calls(world->bus, "Unsubscribe", 1);
        assert_int_equal(fake_subscribers(world->bus), 0);

        /* The last signals before the end of the watch, then none, whatever changes and whoever watches. */
        (void) process_all(world);
        assert_ok(sd_bus_call_method(world->bus->client, "org.freedesktop.systemd1",
                                     "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager",
                                     "Subscribe", NULL, NULL, NULL));
        fake_set_unit(world->bus, &(FakeUnit){ .id = "docker.service", .active_state = "failed" });
        assert_false(process_all(world));
        assert_int_equal(world->n_changed, 0);
}

/* Without the watch a unit can restart between two refreshes and look the same: its time is fetched again.
 */
static void test_nothing_is_kept_across_watches(void **state)
{
        World *world = *state;

        refresh(world);
        run_until_unwatched(world);
        fake_set_unit(world->bus, &(FakeUnit){ .id = "docker.service", .active_enter_at_usec = 33 });
        fake_set_alias(world->bus, "ssh.service", "");
        fake_set_unit(world->bus, &(FakeUnit){ .id = "sshd.service", .sub_state = "own" });

        refresh(world);
        assert_int_equal(units_samples(world->units)->units[0].active_enter_at_usec, 33);
        assert_string_equal(units_samples(world->units)->units[1].id, "sshd.service");
        assert_string_equal(units_samples(world->units)->units[1].sub_state, "own");
}

/* A state that is not known here is reported as it is, and judged by systemd's own rule. */
static void test_states_of_other_versions_of_systemd(void **state)
{
        static const struct {
                const char *state;
                uint64_t enter_at_usec, exit_at_usec;
                bool active;
        } rows[] = {
                { "active", 1, 2, true },       { "refreshing", 1, 2, true },
                { "maintenance", 2, 1, false }, { "hibernating", 2, 1, true },
                { "hibernating", 1, 2, false }, { "hibernating", 0, 0, false },
        };
        World *world = *state;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                const UnitSample *unit = &units_samples(world->units)->units[0];

                fake_set_unit(world->bus, &(FakeUnit){ .id = "docker.service",
                                                       .active_state = rows[i].state,
                                                       .active_enter_at_usec = rows[i].enter_at_usec,
                                                       .active_exit_at_usec = rows[i].exit_at_usec });
                refresh(world);
                assert_string_equal(unit->active_state, rows[i].state);
                assert_int_equal(unit->active_enter_at_usec, rows[i].enter_at_usec);
                assert_int_equal(unit->active, rows[i].active);
        }
}

static void test_a_refresh_has_a_deadline(void **state)
{
        static const char *const members[] = { "ListUnitsByNames", "Get" };
        usec_t end = deadline_after(TEST_DEADLINE_SEC * USEC_PER_SEC);
        unsigned n_refreshes = ELEMENTSOF(members);
        World *world = *state;

        for (size_t i = 0; i < ELEMENTSOF(members); i++) {
                fake_hold(world->bus, members[i]);
                while (!refresh_hastily(world))
                        assert_true(deadline_left(end) > 0);
                assert_int_equal(world->result, DEVBOX_ERROR_SYSTEMD_UNAVAILABLE);
                assert_true(units_refresh_usec(world->units) < 20 * USEC_PER_SEC); /* sd-bus's own is 25 s */
                fake_release(world->bus, members[i]);
        }

        /* Late replies change nothing. A slow machine misses the deadline itself. */
        do {
                assert_true(deadline_left(end) > 0);
                n_refreshes += refresh_hastily(world);
        } while (world->result == DEVBOX_ERROR_SYSTEMD_UNAVAILABLE);
        assert_int_equal(world->result, 0);
        assert_int_equal(world->n_refreshed, n_refreshes);
}

static void test_a_unit_that_systemd_will_not_name(void **state)
{
        static const ConfigService odd[] = { { (char *) "odd", (char *) "not a name.service" } };
        World *world = *state;

        fake_fail(world->bus, "Get", "org.freedesktop.DBus.Error.UnknownObject");
        assert_ok(units_set_services(world->units, odd, 1));
        refresh(world);
        assert_int_equal(world->result, 0);
        assert_string_equal(units_samples(world->units)->units[0].load_state, "error");
        assert_string_equal(units_samples(world->units)->units[0].active_state, "inactive");
}

static void test_it_can_be_freed_at_any_time(void **state)
{
        World *world = *state;

        for (unsigned n_steps = 0; n_steps < 12; n_steps++) {
                Units *units = NULL;

                assert_ok(units_new(world->client,
                                    &(UnitsOptions){ .on_refreshed = on_refreshed,
                                                     .on_changed = on_changed,
                                                     .owner = world },
                                    &units));
                assert_ok(units_set_services(units, services, ELEMENTSOF(services)));
                assert_err(units_refresh(units), UNITS_WAIT);
                for (unsigned i = 0; i < n_steps; i++)
                        assert_ok(sd_event_run(world->event, 10 * USEC_PER_MSEC));
                units_free(units);
        }
}

#define world_test(function) cmocka_unit_test_setup_teardown(function, world_up, world_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                world_test(test_a_refresh_fills_the_samples),
                world_test(test_after_the_watch_no_signal_arrives),
                world_test(test_nothing_is_kept_across_watches),
                world_test(test_states_of_other_versions_of_systemd),
                cmocka_unit_test_setup_teardown(test_a_refresh_has_a_deadline, world_up_hasty, world_down),
                world_test(test_a_unit_that_systemd_will_not_name),
                world_test(test_it_can_be_freed_at_any_time),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
