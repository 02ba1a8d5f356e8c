/* SPDX-License-Identifier: MIT */
/* The whole state of the machine, in good and bad worlds. */

#include "collector/system.h"

#include <math.h>

#include "basic/text.h"
#include "proc-tree.h"

static System *open_system(const ProcTree *tree)
{
        System *system = NULL;

        assert_ok(system_new(fcntl(tree->fd, F_DUPFD_CLOEXEC, 0), &system));
        return system;
}

static void test_a_healthy_tree(void **state)
{
        _cleanup_(system_freep) System *system = open_system(*state);
        _cleanup_(system_sample_done) SystemSample sample = { 0 };

        assert_ok(system_read(system, &sample));
        assert_int_equal(sample.cpu_usec[CPU_IDLE], 8 * USEC_PER_SEC);
        assert_int_equal(sample.memory_total_bytes, 1000 * 1024);
        assert_float_equal(sample.load_1, 0.5, 1e-9);
        assert_int_equal(sample.n_networks, 1);
        assert_true(sample.has_pressure);
        assert_int_equal(sample.pressure_usec[PRESSURE_IO_FULL], 8);
        assert_true(sample.uptime_usec > 0);
}

static void test_kept_files_are_read_anew(void **state)
{
        _cleanup_(system_freep) System *system = open_system(*state);
        _cleanup_(system_sample_done) SystemSample first = { 0 }, second = { 0 };

        assert_ok(system_read(system, &first));
        proc_tree_write(*state, "loadavg", "2.00 0.25 0.10 1/149 20776\n");
        assert_ok(system_read(system, &second));
        assert_float_equal(second.load_1, 2, 1e-9);
}

/* iowait steps back, as it does; the boot time is a constant. */
static void test_counters_and_constants(void **state)
{
        _cleanup_(system_freep) System *system = open_system(*state);

        for (int i = 0; i < 200; i++) {
                _cleanup_(system_sample_done) SystemSample sample = { 0 };

                proc_tree_write(*state, "stat",
                                i % 2 == 0 ? "cpu  100 0 100 800 500 0 0 0 0 0\nbtime 1795290736\n"
                                           : "cpu  100 0 100 800 480 0 0 0 0 0\nbtime 1795290736\n");
                assert_ok(system_read(system, &sample));
                assert_int_equal(sample.cpu_usec[CPU_IOWAIT], 5 * USEC_PER_SEC);
                assert_int_equal(sample.boot_at_usec, 1795290736 * USEC_PER_SEC);
        }
}

static bool knows_cpu(const SystemSample *sample)
{
        return sample->cpu_usec[CPU_USER] != SAMPLE_UNKNOWN;
}

static bool knows_memory(const SystemSample *sample)
{
        return sample->memory_total_bytes != SAMPLE_UNKNOWN &&
               sample->memory_available_bytes != SAMPLE_UNKNOWN;
}

static bool knows_load(const SystemSample *sample)
{
        return !isnan(sample->load_1) && !isnan(sample->load_5) && !isnan(sample->load_15);
}

static bool knows_networks(const SystemSample *sample)
{
        return sample->n_networks == 1;
}

static bool knows_pressure(const SystemSample *sample)
{
        return sample->pressure_usec[PRESSURE_IO_SOME] != SAMPLE_UNKNOWN;
}

static bool knows_boot_time(const SystemSample *sample)
{
        return sample->boot_at_usec != SAMPLE_UNKNOWN;
}

/* Each file in turn is missing, empty, garbage or truncated: its figures are unknown, all others are there,
 * and when it is good again, so are they. */
static void test_a_bad_file_takes_only_its_figures_along(void **state)
{
        static const struct {
                const char *file, *good;
                bool (*knows)(const SystemSample *sample);
                bool optional; /* the kernel may not have it */
        } files[] = {
                { "stat", PROC_STAT, knows_cpu, false },
                { "meminfo", PROC_MEMINFO, knows_memory, false },
                { "loadavg", PROC_LOADAVG, knows_load, false },
                { "net/dev", PROC_NETDEV, knows_networks, false },
                { "pressure/io", PROC_PRESSURE, knows_pressure, true },
        };
        static const char *const bad[] = {
                NULL /* missing */, "", "garbage\n", "cpu", "MemTotal: 1", "0.5", "some avg10=0.00 total="
        };
        const ProcTree *tree = *state;

        for (size_t i = 0; i < ELEMENTSOF(files); i++)
                for (size_t j = 0; j < ELEMENTSOF(bad); j++) {
                        _cleanup_(system_freep) System *system = open_system(tree);
                        _cleanup_(system_sample_done) SystemSample sample = { 0 }, mended = { 0 };

                        if (bad[j])
                                proc_tree_write(tree, files[i].file, bad[j]);
                        else
                                proc_tree_remove(tree, files[i].file);
                        int n_failed = assert_ok(system_read(system, &sample));
                        if (streq(files[i].file, "stat"))
                                assert_false(knows_boot_time(&sample)); /* from the same file */
                        else if (!streq(files[i].file, "net/dev") && !(files[i].optional && !bad[j]))
                                assert_int_equal(n_failed, 1);
                        for (size_t k = 0; k < ELEMENTSOF(files); k++)
                                assert_int_equal(files[k].knows(&sample), k != i);
                        assert_true(sample.has_pressure);

                        proc_tree_write(tree, files[i].file, files[i].good);
                        assert_int_equal(assert_ok(system_read(system, &mended)), 0);
                        assert_true(files[i].knows(&mended) && knows_boot_time(&mended));
                }
}

static void test_without_any_of_the_main_files_there_is_no_sample(void **state)
{
        _cleanup_(system_freep) System *system = open_system(*state);
        _cleanup_(system_sample_done) SystemSample sample = { 0 };

        proc_tree_write(*state, "stat", "");
        proc_tree_write(*state, "meminfo", "");
        assert_ok(system_read(system, &sample));
        proc_tree_write(*state, "loadavg", "");
        usec_t before_usec = sample.uptime_usec;
        assert_err(system_read(system, &sample), -EIO);
        assert_int_equal(sample.uptime_usec, before_usec); /* untouched */
}

static void test_an_old_kernel(void **state)
{
        _cleanup_(system_freep) System *system = open_system(*state);
        _cleanup_(system_sample_done) SystemSample sample = { 0 };

        proc_tree_write(*state, "stat", "cpu  1 2 3 4\n");
        proc_tree_write(*state, "meminfo", "MemTotal: 10 kB\nMemFree: 1 kB\nBuffers: 2 kB\nCached: 3 kB\n");
        proc_tree_remove(*state, "pressure/cpu");
        proc_tree_remove(*state, "pressure/memory");
        proc_tree_remove(*state, "pressure/io");
        assert_ok(system_read(system, &sample));
        assert_int_equal(sample.memory_available_bytes, 6 * 1024);
        assert_false(sample.has_pressure);
}

static void test_a_huge_machine(void **state)
{
        _cleanup_(system_freep) System *system = open_system(*state);
        _cleanup_(system_sample_done) SystemSample sample = { 0 };
        _cleanup_(text_done) Text stat = TEXT_NULL, netdev = TEXT_NULL;

        text_append(&stat, "cpu  100 0 100 800 0 0 0 0 0 0\n");
        for (int i = 0; i < 8192; i++)
                text_appendf(&stat, "cpu%d 100 0 100 800 0 0 0 0 0 0\n", i);
        text_append(&stat, "intr");
        for (int i = 0; i < 100000; i++)
                text_append(&stat, " 18446744073709551615");
        for (int i = 0; i < 10000; i++)
                text_appendf(&netdev, "eth%d: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n", i);

        proc_tree_write(*state, "stat", stat.data);
        proc_tree_write(*state, "net/dev", netdev.data);
        assert_ok(system_read(system, &sample));
        assert_int_equal(sample.cpu_usec[CPU_IDLE], 8 * USEC_PER_SEC);
        assert_int_equal(sample.n_networks, SAMPLE_NETWORKS_MAX);
}

static void test_more_than_the_bound_is_not_read(void **state)
{
        _cleanup_(system_freep) System *system = open_system(*state);
        _cleanup_(system_sample_done) SystemSample sample = { 0 };
        _cleanup_(freep) char *endless = malloc(5 * 1024 * 1024 + 1);

        assert_non_null(endless);
        memset(endless, 'x', 5 * 1024 * 1024);
        endless[5 * 1024 * 1024] = '\0';
        proc_tree_write(*state, "net/dev", endless);
        assert_ok(system_read(system, &sample));
        assert_int_equal(sample.n_networks, 0);
        proc_tree_write(*state, "meminfo", endless);
        system_sample_done(&sample);
        assert_int_equal(assert_ok(system_read(system, &sample)), 2);
        assert_false(knows_memory(&sample));
        assert_true(knows_cpu(&sample));
}

#define tree_test(function) cmocka_unit_test_setup_teardown(function, proc_tree_up, proc_tree_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                tree_test(test_a_healthy_tree),
                tree_test(test_kept_files_are_read_anew),
                tree_test(test_counters_and_constants),
                tree_test(test_a_bad_file_takes_only_its_figures_along),
                tree_test(test_without_any_of_the_main_files_there_is_no_sample),
                tree_test(test_an_old_kernel),
                tree_test(test_a_huge_machine),
                tree_test(test_more_than_the_bound_is_not_read),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
