/* SPDX-License-Identifier: MIT */
/* What devbox-collector measures, as values. */

#include "sample/sample.h"

#include <math.h>

#include "test.h"

static void test_every_kind_of_pressure_has_its_names(void **state)
{
        static const char *const kinds[][2] = {
                { "cpu", "some" }, { "memory", "some" }, { "memory", "full" },
                { "io", "some" },  { "io", "full" },
        };

        assert_int_equal(ELEMENTSOF(kinds), _PRESSURE_KIND_MAX);
        for (int i = 0; i < _PRESSURE_KIND_MAX; i++) {
                assert_string_equal(pressure_kind_resource((PressureKind) i), kinds[i][0]);
                assert_string_equal(pressure_kind_scope((PressureKind) i), kinds[i][1]);
        }
}

/* Figures seen beside psutil 5.9.4 (virtual_memory().percent) and free(1). */
static void test_memory(void **state)
{
        static const struct {
                uint64_t total, available, used;
                double percent;
        } rows[] = {
                { 16777216000, 8540160000, 8237056000, 49.1 },
                { 25212190720, 24682151936, 530038784, 2.1 },
                { 1000, 1000, 0, 0 },
                { 1000, 0, 1000, 100 },
                { 1000, 2000, 0, 0 },
                /* lxcfs */ { 0, 0, 0, 0 },
                { 3, 1, 2, 66.7 },
                { UINT64_MAX - 1, 0, UINT64_MAX - 1, 100 },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                SystemSample sample = { .memory_total_bytes = rows[i].total,
                                        .memory_available_bytes = rows[i].available,
                                        .swap_total_bytes = rows[i].total,
                                        .swap_free_bytes = rows[i].available };

                assert_int_equal(system_sample_memory_used_bytes(&sample), rows[i].used);
                assert_float_equal(system_sample_memory_percent(&sample), rows[i].percent, 1e-9);
                assert_int_equal(system_sample_swap_used_bytes(&sample), rows[i].used);
                assert_float_equal(system_sample_swap_percent(&sample), rows[i].percent, 1e-9);
        }
}

static void test_what_derives_from_an_unknown_figure_is_unknown(void **state)
{
        static const uint64_t figures[][2] = { { SAMPLE_UNKNOWN, 5 },
                                               { 5, SAMPLE_UNKNOWN },
                                               { SAMPLE_UNKNOWN, SAMPLE_UNKNOWN } };
        SystemSample sample;

        for (size_t i = 0; i < ELEMENTSOF(figures); i++) {
                DiskSample disk = { NULL, figures[i][0], figures[i][1], 5, NULL };

                system_sample_init(&sample);
                sample.memory_total_bytes = sample.swap_total_bytes = figures[i][0];
                sample.memory_available_bytes = sample.swap_free_bytes = figures[i][1];
                assert_true(system_sample_memory_used_bytes(&sample) == SAMPLE_UNKNOWN);
                assert_true(isnan(system_sample_memory_percent(&sample)));
                assert_true(system_sample_swap_used_bytes(&sample) == SAMPLE_UNKNOWN);
                assert_true(isnan(system_sample_swap_percent(&sample)));
                assert_true(disk_sample_used_bytes(&disk) == SAMPLE_UNKNOWN);
                assert_true(isnan(disk_sample_percent(&disk)));
        }
}

/* With root's reserve df(1) prints used / (used + available), not used / total. */
static void test_disk(void **state)
{
        static const struct {
                uint64_t total, free, available, used;
                double percent;
        } rows[] = {
                { 100, 60, 40, 40, 50 },      { 512000, 302000, 302000, 210000, 41 },
                { 1000, 907, 280, 93, 24.9 }, { 1000, 1000, 950, 0, 0 },
                { 1000, 50, 0, 950, 100 },    { 0, 0, 0, 0, 0 },
                { 10, 20, 0, 0, 0 }, /* free above total: nonsense, and no underflow */
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                DiskSample disk = { NULL, rows[i].total, rows[i].free, rows[i].available };

                assert_int_equal(disk_sample_used_bytes(&disk), rows[i].used);
                assert_float_equal(disk_sample_percent(&disk), rows[i].percent, 1e-9);
        }
}

static void test_percent_has_one_decimal(void **state)
{
        assert_float_equal(percent_round(12.34), 12.3, 1e-9);
        assert_float_equal(percent_round(12.35001), 12.4, 1e-9);
        assert_float_equal(percent_round(0.04), 0, 1e-9);
        assert_float_equal(percent_round(99.96), 100, 1e-9);
}

static void test_unit_states(void **state)
{
        static const struct {
                const char *load, *active, *state;
                bool is_active;
        } rows[] = {
                { "loaded", "active", "active", true },
                { "loaded", "reloading", "reloading", true },
                { "loaded", "refreshing", "refreshing", true },
                { "loaded", "inactive", "inactive", false },
                { "loaded", "failed", "failed", false },
                { "loaded", "activating", "activating", false },
                { "loaded", "deactivating", "deactivating", false },
                { "loaded", "maintenance", "maintenance", false },
                { "masked", "inactive", "inactive", false },
                { "not-found", "inactive", "not-found", false },
                { "not-found", "active", "active", true }, /* its file was deleted while it ran */
                { "not-found", "failed", "failed", false },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                UnitSample unit = { .load_state = (char *) rows[i].load,
                                    .active_state = (char *) rows[i].active };

                assert_string_equal(unit_sample_state(&unit), rows[i].state);
                assert_err(unit_state_is_active(unit.active_state), rows[i].is_active);
        }
}

static void test_a_state_of_a_later_systemd(void **state)
{
        assert_err(unit_state_is_active("hibernating"), -EINVAL);
        assert_err(unit_state_is_active(""), -EINVAL);
}

static void test_done_frees_and_empties(void **state)
{
        SystemSample system = { .n_disks = 2, .n_networks = 1, .cpu_percent = 5 };
        UnitSamples units = { .n_units = 2 }; /* the second half-read */
        PartSamples parts = { .n_parts = 1 };

        system.disks[0].path = strdup("/");
        system.networks[0].device = strdup("eth0");
        units.units[0] = (UnitSample){ .name = strdup("a"),
                                       .id = strdup("b"),
                                       .load_state = strdup("c"),
                                       .active_state = strdup("d"),
                                       .sub_state = strdup("e") };
        units.units[1].name = strdup("f");
        parts.parts[0].name = strdup("system");

        system_sample_done(&system);
        unit_samples_done(&units);
        part_samples_done(&parts);

        assert_int_equal(system.n_disks + system.n_networks + units.n_units + parts.n_parts, 0);
        assert_null(system.disks[0].path);
        assert_null(units.units[1].name);
        system_sample_done(&system); /* twice is harmless */
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_kind_of_pressure_has_its_names),
                cmocka_unit_test(test_memory),
                cmocka_unit_test(test_what_derives_from_an_unknown_figure_is_unknown),
                cmocka_unit_test(test_disk),
                cmocka_unit_test(test_percent_has_one_decimal),
                cmocka_unit_test(test_unit_states),
                cmocka_unit_test(test_a_state_of_a_later_systemd),
                cmocka_unit_test(test_done_frees_and_empties),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
