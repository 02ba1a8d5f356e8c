/* SPDX-License-Identifier: MIT */
/* devbox-collector on the bus: what it answers, and how much it asks of systemd for it. */

#include "collector-world.h"
#include "introspect.h"
#include "sample/sample-bus.h"

static void test_introspects_as_promised(void **state)
{
        const World *world = *state;

        assert_introspects(world->bus, COLLECTOR, "org.devbox.Collector1");
        assert_introspects(world->bus, COLLECTOR, "org.devbox.Component1");
}

static void test_the_machine_s_figures_make_sense(void **state)
{
        const World *world = *state;
        usec_t before = time_now(CLOCK_BOOTTIME);
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply =
                test_call(world->client, COLLECTOR, GET_SYSTEM);
        _cleanup_(system_sample_done) SystemSample sample = { 0 };

        assert_ok(system_sample_read(reply, &sample));
        assert_true(sample.cpu_percent >= 0 && sample.cpu_percent <= 100);
        assert_true(sample.cpu_usec[CPU_USER] > 0 && sample.cpu_usec[CPU_IDLE] > 0);
        assert_true(sample.memory_total_bytes > sample.memory_available_bytes);
        assert_in_range(sample.uptime_usec, before, time_now(CLOCK_BOOTTIME));
        assert_true(sample.boot_at_usec + sample.uptime_usec <= time_now(CLOCK_REALTIME));
        assert_int_equal(sample.n_disks, 1);
        assert_string_equal(sample.disks[0].path, "/");
        assert_true(sample.disks[0].total_bytes >= sample.disks[0].free_bytes);
        assert_true(sample.n_networks >= 1);
}

static void test_units_come_in_the_order_of_the_configuration(void **state)
{
        const World *world = *state;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply =
                test_call(world->client, COLLECTOR, GET_UNITS);
        _cleanup_(unit_samples_done) UnitSamples samples = { 0 };

        assert_ok(unit_samples_read(reply, &samples));
        assert_int_equal(samples.n_units, 3);
        assert_string_equal(samples.units[0].name, "docker");
        assert_string_equal(samples.units[0].id, "docker.service");
        assert_string_equal(samples.units[0].load_state, "loaded");
        assert_int_equal(samples.units[0].active_enter_at_usec, 1234567);
        assert_string_equal(world_units(world),
                            "docker=active/running,ssh=inactive/dead,gone=not-found/dead,");
}

static void test_a_snapshot_has_both_and_their_results(void **state)
{
        const World *world = *state;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply =
                test_call(world->client, COLLECTOR, GET_SNAPSHOT);
        _cleanup_(system_sample_done) SystemSample system = { 0 };
        _cleanup_(unit_samples_done) UnitSamples units = { 0 };
        _cleanup_(part_samples_done) PartSamples parts = { 0 };

        assert_ok(system_sample_read(reply, &system));
        assert_ok(unit_samples_read(reply, &units));
        assert_ok(part_samples_read(reply, &parts));
        assert_true(system.memory_total_bytes > 0);
        assert_int_equal(units.n_units, 3);
        assert_int_equal(parts.n_parts, 2);
        assert_string_equal(parts.parts[0].name, "system");
        assert_string_equal(parts.parts[1].name, "services");
        for (size_t i = 0; i < parts.n_parts; i++) {
                assert_true(parts.parts[i].success);
                assert_true(parts.parts[i].refreshed_at_usec > 0);
        }
}

static void test_a_refresh_is_one_call_to_systemd(void **state)
{
        const World *world = *state;

        (void) world_units(world);
        assert_int_equal(fake_calls(world->bus, "Subscribe"), 1);
        assert_int_equal(fake_calls(world->bus, "ListUnitsByNames"), 1);
        assert_int_equal(fake_calls(world->bus, "Get"), 2); /* none for "gone" */

        uint64_t before = fake_calls(world->bus, "total");
        for (int i = 0; i < 10; i++)
                (void) world_units(world);
        assert_int_equal(fake_calls(world->bus, "total") - before, 10);
        assert_int_equal(world_metric(world, "systemd_calls_total"), before + 10);
        assert_int_equal(world_metric(world, "unit_refreshes_total"), 11);
}

static void test_callers_share_the_refresh_under_way(void **state)
{
        const World *world = *state;
        Replies replies = { 0 };

        fake_hold(world->bus, "ListUnitsByNames");
        replies_send(&replies, world->client, GET_UNITS, 24);
        replies_send(&replies, world->client, GET_SNAPSHOT, 8);
        fake_wait_calls(world->bus, "ListUnitsByNames", 1);
        assert_int_equal(world_metric(world, "waiting_calls"), 32);

        fake_release(world->bus, "ListUnitsByNames");
        test_bus_process_until(world->client, replies_complete, &replies);
        assert_int_equal(replies.n_errors, 0);
        assert_int_equal(fake_calls(world->bus, "ListUnitsByNames"), 1);
        assert_int_equal(world_metric(world, "waiting_calls"), 0);
}

static bool has_68_errors(void *userdata)
{
        const Replies *replies = userdata;

        return replies->n_errors >= 68;
}

static void test_too_many_waiting_calls_are_refused(void **state)
{
        const World *world = *state;
        Replies replies[2] = { 0 };
        sd_bus *clients[2];

        fake_hold(world->bus, "ListUnitsByNames");
        for (size_t i = 0; i < ELEMENTSOF(clients); i++) {
                clients[i] = test_bus_connect(world->bus);
                replies_send(&replies[i], clients[i], GET_UNITS, 32);
                test_call_error(clients[i], COLLECTOR, GET_UNITS, "org.devbox.Error.Busy", NULL);
        }
        assert_int_equal(world_metric(world, "waiting_calls"), 64);
        test_call_error(world->client, COLLECTOR, GET_UNITS, "org.devbox.Error.Busy", NULL);
        assert_int_equal(world_metric(world, "calls_refused_total"), 3);

        fake_release(world->bus, "ListUnitsByNames");
        for (size_t i = 0; i < ELEMENTSOF(clients); i++) {
                test_bus_process_until(clients[i], replies_complete, &replies[i]);
                assert_int_equal(replies[i].n_errors, 0);
                sd_bus_flush_close_unref(clients[i]);
        }
        assert_string_not_equal(world_units(world), "");
}

/* One client that asks without end leaves room for the others. */
static void test_one_client_does_not_take_all(void **state)
{
        const World *world = *state;
        sd_bus *greedy = test_bus_connect(world->bus);
        Replies theirs = { 0 }, ours = { 0 };

        fake_hold(world->bus, "ListUnitsByNames");
        replies_send(&theirs, greedy, GET_UNITS, 100);
        test_bus_process_until(greedy, has_68_errors, &theirs);
        replies_send(&ours, world->client, GET_UNITS, 1);
        assert_int_equal(world_metric(world, "waiting_calls"), 33);

        fake_release(world->bus, "ListUnitsByNames");
        test_bus_process_until(world->client, replies_complete, &ours);
        assert_int_equal(ours.n_errors, 0);
        sd_bus_flush_close_unref(greedy);
}

static void test_a_client_that_leaves_takes_its_calls_along(void **state)
{
        const World *world = *state;
        Replies theirs = { 0 }, ours = { 0 };
        sd_bus *client = test_bus_connect(world->bus);
        const char *unique_name;
        char name[64];

        assert_ok(sd_bus_get_unique_name(client, &unique_name));
        (void) snprintf(name, sizeof name, "%s", unique_name);
        fake_hold(world->bus, "ListUnitsByNames");
        replies_send(&theirs, client, GET_UNITS, 5);
        fake_wait_calls(world->bus, "ListUnitsByNames", 1);
        replies_send(&ours, world->client, GET_UNITS, 1);
        assert_int_equal(world_metric(world, "waiting_calls"), 6);

        /* The signal of the end of the client reaches the collector before our next call does. */
        sd_bus_close(client);
        sd_bus_unref(client);
        test_bus_wait_owner(world->bus, name, false);
        assert_int_equal(world_metric(world, "waiting_calls"), 1);
        assert_int_equal(world_metric(world, "calls_cancelled_total"), 5);

        fake_release(world->bus, "ListUnitsByNames");
        test_bus_process_until(world->client, replies_complete, &ours);
        assert_int_equal(ours.n_errors, 0);
}

static void test_without_systemd_the_rest_works(void **state)
{
        World *world = *state;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(system_sample_done) SystemSample system = { 0 };
        _cleanup_(unit_samples_done) UnitSamples units = { 0 };
        _cleanup_(part_samples_done) PartSamples parts = { 0 };

        assert_true(world_healthy(world));
        (void) test_daemon_stop(world->systemd);
        test_call_error(world->client, COLLECTOR, GET_UNITS, "org.devbox.Error.SystemdUnavailable", NULL);
        assert_false(world_healthy(world));

        reply = test_call(world->client, COLLECTOR, GET_SNAPSHOT);
        assert_ok(system_sample_read(reply, &system));
        assert_ok(unit_samples_read(reply, &units));
        assert_ok(part_samples_read(reply, &parts));
        assert_true(system.memory_total_bytes > 0);
        assert_int_equal(units.n_units, 0);
        assert_true(parts.parts[0].success);
        assert_false(parts.parts[1].success);

        /* Back as after a daemon-reexec: the collector subscribes again by itself. */
        world->systemd = test_daemon_free(world->systemd);
        world->systemd = fake_start(world->bus);
        fake_wait_calls(world->bus, "Subscribe", 1);
        assert_string_equal(world_units(world),
                            "docker=not-found/dead,ssh=not-found/dead,gone=not-found/dead,");
        assert_true(world_healthy(world));
}

static void test_systemd_has_a_deadline(void **state)
{
        const World *world = *state;

        fake_hold(world->bus, "ListUnitsByNames");
        test_call_error(world->client, COLLECTOR, GET_UNITS, "org.devbox.Error.SystemdUnavailable", NULL);
        fake_release(world->bus, "ListUnitsByNames");
        assert_string_not_equal(world_units(world), "");

        fake_hold(world->bus, "Get");
        fake_set_unit(world->bus, &(FakeUnit){ .id = "gone.service", .active_state = "failed" });
        test_call_error(world->client, COLLECTOR, GET_UNITS, "org.devbox.Error.SystemdUnavailable", NULL);
        fake_release(world->bus, "Get");
        assert_string_equal(world_units(world),
                            "docker=active/running,ssh=inactive/dead,gone=failed/running,");
}

static void test_systemd_may_refuse(void **state)
{
        const World *world = *state;

        fake_fail(world->bus, "ListUnitsByNames", "org.freedesktop.DBus.Error.AccessDenied");
        test_call_error(world->client, COLLECTOR, GET_UNITS, "org.devbox.Error.SystemdUnavailable", NULL);
        fake_fail(world->bus, "ListUnitsByNames", NULL);
        fake_fail(world->bus, "Get", "org.freedesktop.DBus.Error.UnknownObject");
        assert_string_equal(world_units(world),
                            "docker=active/running,ssh=inactive/dead,gone=not-found/dead,");
}

static void test_without_services_systemd_is_left_alone(void **state)
{
        World *world = *state;

        test_bus_write_config(world->bus, "services: []\n");
        world_start_collector(world);
        assert_string_equal(world_units(world), "");
        assert_int_equal(fake_calls(world->bus, "total"), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                world_test(test_introspects_as_promised),
                world_test(test_the_machine_s_figures_make_sense),
                world_test(test_units_come_in_the_order_of_the_configuration),
                world_test(test_a_snapshot_has_both_and_their_results),
                world_test(test_a_refresh_is_one_call_to_systemd),
                world_test(test_callers_share_the_refresh_under_way),
                world_test(test_too_many_waiting_calls_are_refused),
                world_test(test_one_client_does_not_take_all),
                world_test(test_a_client_that_leaves_takes_its_calls_along),
                world_test(test_without_systemd_the_rest_works),
                world_test(test_systemd_has_a_deadline),
                world_test(test_systemd_may_refuse),
                cmocka_unit_test_setup_teardown(test_without_services_systemd_is_left_alone,
                                                world_up_without_collector, world_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
