/* SPDX-License-Identifier: MIT */
/* The whole state of the machine, in good and bad worlds. */

#include "collector/system.h"

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

/* Without these three there is no sample, whatever is wrong with them; mended, there is one again. */
static void test_worlds_in_which_needed_files_are_bad(void **state)
{
        static const char *const files[] = { "stat", "meminfo", "loadavg" };
        static const char *const good[] = { PROC_STAT, PROC_MEMINFO, PROC_LOADAVG };
        static const char *const bad[] = {
                NULL /* missing */, "", "garbage\n", "cpu", "MemTotal: 1", "0.5"
        };
        const ProcTree *tree = *state;

        for (size_t file = 0; file < ELEMENTSOF(files); file++)
                for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                        _cleanup_(system_freep) System *system = open_system(tree);
                        _cleanup_(system_sample_done) SystemSample sample = { 0 };

                        if (bad[i])
                                proc_tree_write(tree, files[file], bad[i]);
                        else
                                proc_tree_remove(tree, files[file]);
                        assert_err(system_read(system, &sample), bad[i] ? -EBADMSG : -ENOENT);
                        assert_string_equal(system_failed_path(system), files[file]);
                        assert_int_equal(sample.memory_total_bytes, 0);

                        proc_tree_write(tree, files[file], good[file]);
                        assert_ok(system_read(system, &sample));
                }
}

static void test_worlds_in_which_other_files_are_bad(void **state)
{
        static const char *const files[] = { "net/dev", "pressure/cpu", "pressure/memory", "pressure/io" };
        static const char *const bad[] = { NULL, "", "garbage\n", "some avg10=0.00 total=" };
        const ProcTree *tree = *state;

        for (size_t file = 0; file < ELEMENTSOF(files); file++)
                for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                        _cleanup_(system_freep) System *system = open_system(tree);
                        _cleanup_(system_sample_done) SystemSample sample = { 0 };

                        if (bad[i])
                                proc_tree_write(tree, files[file], bad[i]);
                        else
                                proc_tree_remove(tree, files[file]);
                        assert_ok(system_read(system, &sample));
                        assert_int_equal(sample.n_networks, file == 0 ? 0 : 1);
                        assert_int_equal(sample.has_pressure, file == 0);
                        assert_int_equal(sample.pressure_usec[PRESSURE_CPU_SOME], file == 0 ? 7 : 0);
                        proc_tree_write(tree, files[file], file == 0 ? PROC_NETDEV : PROC_PRESSURE);
                }
}

static void test_an_old_kernel(void **state)
{
        _cleanup_(system_freep) System *system = open_system(*state);
        _cleanup_(system_sample_done) SystemSample sample = { 0 };

        proc_tree_write(*state, "stat", "cpu  1 2 3 4\n");
        proc_tree_write(*state, "meminfo", "MemTotal: 10 kB\nMemFree: 1 kB\nBuffers: 2 kB\nCached: 3 kB\n");
        proc_tree_remove(*state, "pressure/cpu");
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
        assert_err(system_read(system, &sample), -EFBIG);
}

#define tree_test(function) cmocka_unit_test_setup_teardown(function, proc_tree_up, proc_tree_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                tree_test(test_a_healthy_tree),
                tree_test(test_kept_files_are_read_anew),
                tree_test(test_counters_and_constants),
                tree_test(test_worlds_in_which_needed_files_are_bad),
                tree_test(test_worlds_in_which_other_files_are_bad),
                tree_test(test_an_old_kernel),
                tree_test(test_a_huge_machine),
                tree_test(test_more_than_the_bound_is_not_read),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
