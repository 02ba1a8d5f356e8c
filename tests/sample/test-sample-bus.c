/* SPDX-License-Identifier: MIT */
/* How samples travel over D-Bus. */

#include "sample/sample-bus.h"

#include <math.h>
#include <stdio.h>

#include "basic/text.h"
#include "message.h"
#include "test.h"

static sd_bus *bus;

static int set_up(void **state)
{
        bus = message_bus_new();
        return 0;
}

static int tear_down(void **state)
{
        bus = sd_bus_unref(bus);
        return 0;
}

static char *text(const char *prefix, size_t i)
{
        char *string = NULL;

        assert_true(asprintf(&string, "%s%zu", prefix, i) > 0);
        return string;
}

/* A sample in which no two numbers are the same, as large as a sample can be. */
static void system_sample_fill(SystemSample *sample)
{
        uint64_t n = UINT32_MAX;

        *sample = (SystemSample){
                .cpu_percent = 12.4,
                .memory_total_bytes = n + 0,
                .memory_available_bytes = n + 1,
                .swap_total_bytes = n + 2,
                .swap_free_bytes = n + 3,
                .load_1 = 0.25,
                .load_5 = 1.5,
                .load_15 = 2.75,
                .uptime_usec = n + 4,
                .boot_at_usec = n + 5,
                .has_pressure = true,
                .n_disks = SAMPLE_DISKS_MAX,
                .n_networks = SAMPLE_NETWORKS_MAX,
        };
        n += 6;
        for (size_t i = 0; i < _CPU_MODE_MAX; i++)
                sample->cpu_usec[i] = n++;
        for (size_t i = 0; i < _PRESSURE_KIND_MAX; i++)
                sample->pressure_usec[i] = n++;
        for (size_t i = 0; i < sample->n_disks; i++)
                sample->disks[i] = (DiskSample){ text("/disk", i), n, n + 1, n + 2, NULL };
        for (size_t i = 0; i < sample->n_networks; i++, n += 8)
                sample->networks[i] = (NetworkSample){ text("eth", i), n,     n + 1, n + 2, n + 3,
                                                       n + 4,          n + 5, n + 6, n + 7 };
}

static void assert_same_rows(const SystemSample *a, const SystemSample *b)
{
        assert_int_equal(a->n_disks, b->n_disks);
        for (size_t i = 0; i < a->n_disks; i++) {
                assert_string_equal(a->disks[i].path, b->disks[i].path);
                assert_memory_equal(&a->disks[i].total_bytes, &b->disks[i].total_bytes,
                                    sizeof(DiskSample) - offsetof(DiskSample, total_bytes));
        }

        assert_int_equal(a->n_networks, b->n_networks);
        for (size_t i = 0; i < a->n_networks; i++) {
                assert_string_equal(a->networks[i].device, b->networks[i].device);
                assert_memory_equal(&a->networks[i].receive_bytes, &b->networks[i].receive_bytes,
                                    sizeof(NetworkSample) - offsetof(NetworkSample, receive_bytes));
        }
}

static void test_system_sample_comes_back_whole(void **state)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = message_new(bus);
        _cleanup_(system_sample_done) SystemSample sent, got = { 0 };

        system_sample_fill(&sent);
        assert_ok(system_sample_append(message, &sent));
        assert_ok(message_seal(message));
        assert_string_equal(sd_bus_message_get_signature(message, true), "a{sv}");
        assert_ok(system_sample_read(message, &got));

        /* All that comes before has_pressure is numbers without a gap. */
        assert_memory_equal(&sent, &got, offsetof(SystemSample, has_pressure));
        assert_int_equal(got.has_pressure, true);
        assert_memory_equal(sent.pressure_usec, got.pressure_usec, sizeof sent.pressure_usec);
        assert_same_rows(&sent, &got);
        assert_int_equal(sd_bus_message_at_end(message, true), 1);
}

/* "key:type " of each entry of an a{sv}. */
static char *read_keys(sd_bus_message *message)
{
        Text keys = TEXT_NULL;
        const char *key, *type;
        char *string;

        assert_true(assert_ok(sd_bus_message_enter_container(message, 'a', "{sv}")) > 0);
        while (assert_ok(sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
                assert_ok(sd_bus_message_read_basic(message, 's', &key));
                assert_ok(sd_bus_message_peek_type(message, NULL, &type));
                text_appendf(&keys, "%s:%s ", key, type);
                assert_ok(sd_bus_message_skip(message, "v"));
                assert_ok(sd_bus_message_exit_container(message));
        }
        assert_ok(text_take(&keys, &string, NULL));
        return string;
}

/* As dbus/org.devbox.Collector1.xml documents them. */
static void test_keys_and_types(void **state)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = message_new(bus);
        _cleanup_(freep) char *keys = NULL;

        assert_ok(system_sample_append(message, &(SystemSample){ 0 }));
        assert_ok(message_seal(message));
        keys = read_keys(message);
        assert_string_equal(
                keys, "cpu_percent:d cpu_user_usec:t cpu_nice_usec:t cpu_system_usec:t cpu_idle_usec:t "
                      "cpu_iowait_usec:t cpu_irq_usec:t cpu_softirq_usec:t cpu_steal_usec:t "
                      "memory_total_bytes:t memory_available_bytes:t swap_total_bytes:t swap_free_bytes:t "
                      "load_1:d load_5:d load_15:d uptime_usec:t boot_at_usec:t has_pressure:b "
                      "pressure_cpu_some_usec:t pressure_memory_some_usec:t pressure_memory_full_usec:t "
                      "pressure_io_some_usec:t pressure_io_full_usec:t disks:aa{sv} networks:aa{sv} ");
}

static void test_rows_come_back_whole(void **state)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = message_new(bus);
        _cleanup_(unit_samples_done) UnitSamples units = { .n_units = SAMPLE_UNITS_MAX }, got_units = { 0 };
        _cleanup_(part_samples_done) PartSamples parts = { .n_parts = SAMPLE_PARTS_MAX }, got_parts = { 0 };

        for (size_t i = 0; i < units.n_units; i++)
                units.units[i] =
                        (UnitSample){ text("name", i), text("id", i),  text("load", i), text("active", i),
                                      text("sub", i),  UINT64_MAX - i, i % 2 == 0 };
        for (size_t i = 0; i < parts.n_parts; i++)
                parts.parts[i] = (PartSample){ text("part", i), i % 2 == 0, 100 + i, 200 + i };

        assert_ok(unit_samples_append(message, &units));
        assert_ok(part_samples_append(message, &parts));
        assert_ok(message_seal(message));
        assert_string_equal(sd_bus_message_get_signature(message, true), "aa{sv}aa{sv}");
        assert_ok(unit_samples_read(message, &got_units));
        assert_ok(part_samples_read(message, &got_parts));

        assert_int_equal(got_units.n_units, units.n_units);
        for (size_t i = 0; i < units.n_units; i++) {
                assert_string_equal(got_units.units[i].name, units.units[i].name);
                assert_string_equal(got_units.units[i].id, units.units[i].id);
                assert_string_equal(got_units.units[i].load_state, units.units[i].load_state);
                assert_string_equal(got_units.units[i].active_state, units.units[i].active_state);
                assert_string_equal(got_units.units[i].sub_state, units.units[i].sub_state);
                assert_int_equal(got_units.units[i].active_enter_at_usec, UINT64_MAX - i);
                assert_int_equal(got_units.units[i].active, i % 2 == 0);
        }
        assert_int_equal(got_parts.n_parts, parts.n_parts);
        for (size_t i = 0; i < parts.n_parts; i++) {
                assert_string_equal(got_parts.parts[i].name, parts.parts[i].name);
                assert_int_equal(got_parts.parts[i].success, parts.parts[i].success);
                assert_int_equal(got_parts.parts[i].refresh_usec, 100 + i);
                assert_int_equal(got_parts.parts[i].refreshed_at_usec, 200 + i);
        }
}

static void test_nothing_comes_back_as_nothing(void **state)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = message_new(bus);
        _cleanup_(system_sample_done) SystemSample system = { .uptime_usec = 5 };
        _cleanup_(unit_samples_done) UnitSamples units = { .n_units = 0 };
        static const SystemSample nothing;

        assert_ok(system_sample_append(message, &nothing));
        assert_ok(unit_samples_append(message, &units));
        assert_ok(message_seal(message));
        assert_ok(system_sample_read(message, &system));
        assert_ok(unit_samples_read(message, &units));
        assert_int_equal(system.uptime_usec + system.n_disks + system.n_networks + units.n_units, 0);
}

static void test_unknown_figures_have_no_key(void **state)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = message_new(bus);
        _cleanup_(system_sample_done) SystemSample sent, got = { 0 };
        _cleanup_(freep) char *keys = NULL;

        system_sample_init(&sent);
        sent.load_5 = 0.5;
        sent.swap_free_bytes = 0;
        sent.n_disks = 1;
        sent.disks[0].path = strdup("/srv");
        sent.disks[0].problem = strdup("timeout");
        assert_ok(system_sample_append(message, &sent));
        assert_ok(message_seal(message));
        keys = read_keys(message);
        assert_string_equal(keys, "swap_free_bytes:t load_5:d has_pressure:b disks:aa{sv} networks:aa{sv} ");

        assert_ok(sd_bus_message_rewind(message, true));
        assert_ok(system_sample_read(message, &got));
        assert_true(got.memory_total_bytes == SAMPLE_UNKNOWN);
        assert_true(isnan(got.load_1));
        assert_float_equal(got.load_5, 0.5, 0);
        assert_int_equal(got.swap_free_bytes, 0);
        assert_string_equal(got.disks[0].problem, "timeout");
        assert_true(got.disks[0].total_bytes == SAMPLE_UNKNOWN);
}

static void test_unknown_keys_are_skipped(void **state)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = message_new(bus);
        _cleanup_(system_sample_done) SystemSample sample = { 0 };

        assert_ok(sd_bus_message_append(message, "a{sv}", 4, "memory_free_bytes", "t", (uint64_t) 1, "tags",
                                        "a{sas}", 1, "a", 2, "b", "c", "load_1", "d", 0.5, "gpu", "(sv)",
                                        "x", "v", "u", 3));
        assert_ok(message_seal(message));
        assert_ok(system_sample_read(message, &sample));
        assert_float_equal(sample.load_1, 0.5, 0);
}

static void test_a_key_that_comes_twice_counts_once(void **state)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = message_new(bus);
        _cleanup_(part_samples_done) PartSamples parts = { 0 };

        assert_ok(sd_bus_message_append(message, "aa{sv}", 1, 2, "name", "s", "first", "name", "s", "last"));
        assert_ok(message_seal(message));
        assert_ok(part_samples_read(message, &parts));
        assert_int_equal(parts.n_parts, 1);
        assert_string_equal(parts.parts[0].name, "last");
}

/* Each message is wrong in one way; a row before the wrong one must not leak. */
static void test_bad_messages(void **state)
{
        _cleanup_(system_sample_done) SystemSample system = { .uptime_usec = 5 };
        _cleanup_(part_samples_done) PartSamples parts = { 0 };
        sd_bus_message *rows[10];
        size_t n = 0;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                rows[i] = message_new(bus);

        /* Not a system sample: another type inside, another type altogether, nothing at all. */
        assert_ok(sd_bus_message_append(rows[n++], "a{sv}", 1, "uptime_usec", "s", "long"));
        assert_ok(sd_bus_message_append(rows[n++], "a{sv}", 1, "uptime_usec", "u", 3));
        assert_ok(sd_bus_message_append(rows[n++], "a{sv}", 1, "load_1", "t", (uint64_t) 3));
        assert_ok(sd_bus_message_append(rows[n++], "a{sv}", 1, "disks", "as", 1, "/"));
        assert_ok(sd_bus_message_append(rows[n++], "a{sv}", 1, "disks", "aa{sv}", 2, 1, "path", "s", "/", 1,
                                        "total_bytes", "t", (uint64_t) 3)); /* the second without its path */
        assert_ok(sd_bus_message_append(rows[n++], "a{ss}", 1, "uptime_usec", "3"));
        assert_ok(sd_bus_message_append(rows[n++], "s", "hello"));
        n++; /* empty */
        /* Not rows of parts either. */
        assert_ok(
                sd_bus_message_append(rows[n++], "aa{sv}", 2, 1, "name", "s", "a", 1, "success", "b", true));
        assert_ok(sd_bus_message_append(rows[n++], "aa{sv}", 2, 1, "name", "s", "a", 1, "name", "t",
                                        (uint64_t) 3));
        assert_int_equal(n, ELEMENTSOF(rows));

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                assert_ok(message_seal(rows[i]));
                assert_err(system_sample_read(rows[i], &system), -EBADMSG);
                assert_ok(sd_bus_message_rewind(rows[i], true));
                assert_err(part_samples_read(rows[i], &parts), -EBADMSG);
                sd_bus_message_unref(rows[i]);
        }
        assert_int_equal(system.uptime_usec, 5); /* untouched */
}

static void test_more_rows_than_a_sample_holds(void **state)
{
        for (size_t n_rows = SAMPLE_PARTS_MAX; n_rows <= SAMPLE_PARTS_MAX + 1; n_rows++) {
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = message_new(bus);
                _cleanup_(part_samples_done) PartSamples parts = { 0 };

                assert_ok(sd_bus_message_open_container(message, 'a', "a{sv}"));
                for (size_t i = 0; i < n_rows; i++)
                        assert_ok(sd_bus_message_append(message, "a{sv}", 1, "name", "s", "same"));
                assert_ok(sd_bus_message_close_container(message));
                assert_ok(message_seal(message));
                assert_err(part_samples_read(message, &parts), n_rows > SAMPLE_PARTS_MAX ? -EBADMSG : 0);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_system_sample_comes_back_whole),
                cmocka_unit_test(test_keys_and_types),
                cmocka_unit_test(test_rows_come_back_whole),
                cmocka_unit_test(test_nothing_comes_back_as_nothing),
                cmocka_unit_test(test_unknown_figures_have_no_key),
                cmocka_unit_test(test_unknown_keys_are_skipped),
                cmocka_unit_test(test_a_key_that_comes_twice_counts_once),
                cmocka_unit_test(test_bad_messages),
                cmocka_unit_test(test_more_rows_than_a_sample_holds),
        };

        return cmocka_run_group_tests(tests, set_up, tear_down);
}
