/* SPDX-License-Identifier: MIT */
/* CPU time since boot, and the share of it that was used. */

#include "collector/cpu.h"

#include "test.h"

#define MSEC_10 ((usec_t) 10000)

static void test_eight_columns_are_read(void **state)
{
        usec_t usec[_CPU_MODE_MAX];

        assert_ok(cpu_parse("cpu  1 2 3 4 5 6 7 8 900 1000\ncpu0 1 2 3 4 5 6 7 8 9 10\n", 100, usec));
        for (int mode = 0; mode < _CPU_MODE_MAX; mode++)
                assert_int_equal(usec[mode], (usec_t) (mode + 1) * MSEC_10);
}

static void test_old_kernels_have_fewer_columns(void **state)
{
        usec_t usec[_CPU_MODE_MAX];

        assert_ok(cpu_parse("cpu  1 2 3 4\ncpu0 1 2 3 4\n", 100, usec));
        assert_int_equal(usec[CPU_IDLE], 4 * MSEC_10);
        for (int mode = CPU_IOWAIT; mode < _CPU_MODE_MAX; mode++)
                assert_int_equal(usec[mode], 0);
}

static void test_ticks_of_other_lengths(void **state)
{
        usec_t usec[_CPU_MODE_MAX];

        assert_ok(cpu_parse("cpu 1023 1024 1 0\n", 1024, usec));
        assert_int_equal(usec[CPU_USER], 999023);
        assert_int_equal(usec[CPU_NICE], USEC_PER_SEC);
        assert_ok(cpu_parse("cpu 18446744073709551615 0 0 0\n", 100, usec));
        assert_true(usec[CPU_USER] > USEC_INFINITY - 2 * USEC_PER_SEC); /* saturated */
}

static void test_other_lines_are_rejected(void **state)
{
        static const char *const texts[] = {
                "",
                "\n",
                "cpu",
                "cpu \n",
                "cpu  1 2 3\n",
                "cpu0 1 2 3 4 5 6 7 8\n",
                "cpu  1 2 3 4 5 6 7 8 9 10", /* truncated */
                "cpu  1 2 three 4\n",
                "cpu  1 2 3 4 x\n",
                "cpu  -1 2 3 4\n",
                "cpu  1 2 3 99999999999999999999\n",
                "intr 1 2 3 4\ncpu  1 2 3 4\n",
        };
        usec_t usec[_CPU_MODE_MAX] = { 42 };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                assert_err(cpu_parse(texts[i], 100, usec), -EBADMSG);
        assert_int_equal(usec[0], 42);
}

/* Rows of spent time: user nice system idle iowait irq softirq steal. */
static void test_percent(void **state)
{
        static const struct {
                usec_t spent[_CPU_MODE_MAX];
                double percent;
        } rows[] = {
                { { 0 }, 0 },
                { { 50, 0, 0, 50 }, 50 },
                { { 10, 10, 10, 20, 20, 10, 10, 10 }, 60 }, /* steal is used, iowait is not */
                { { 100 }, 100 },
                { { 0, 0, 0, 100, 100 }, 0 },
                { { 1, 0, 0, 2 }, 33.3 },
                { { 2, 0, 0, 1 }, 66.7 },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                usec_t before[_CPU_MODE_MAX], after[_CPU_MODE_MAX];

                for (int mode = 0; mode < _CPU_MODE_MAX; mode++) {
                        before[mode] = 1000 * (usec_t) mode;
                        after[mode] = before[mode] + rows[i].spent[mode];
                }
                assert_float_equal(cpu_percent(before, after), rows[i].percent, 1e-9);
        }
}

static void test_decreasing_counters_count_as_unchanged(void **state)
{
        const usec_t before[_CPU_MODE_MAX] = { 100, 0, 0, 100, 500 };
        const usec_t after[_CPU_MODE_MAX] = { 130, 0, 0, 110, 20 };

        assert_float_equal(cpu_percent(before, after), 75, 1e-9);
        assert_float_equal(cpu_percent(before, (usec_t[_CPU_MODE_MAX]){ 0 }), 0, 1e-9);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_eight_columns_are_read),
                cmocka_unit_test(test_old_kernels_have_fewer_columns),
                cmocka_unit_test(test_ticks_of_other_lengths),
                cmocka_unit_test(test_other_lines_are_rejected),
                cmocka_unit_test(test_percent),
                cmocka_unit_test(test_decreasing_counters_count_as_unchanged),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
