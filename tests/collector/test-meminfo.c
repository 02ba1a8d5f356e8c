/* SPDX-License-Identifier: MIT */
/* Memory and swap. */

#include "collector/meminfo.h"

#include "test.h"

static void test_kib_become_bytes(void **state)
{
        SystemSample sample = { 0 };

        assert_ok(meminfo_parse("MemTotal:       24684368 kB\nMemFree:        22000000 kB\n"
                                "MemAvailable:   23000000 kB\nBuffers:           1 kB\nCached:    2 kB\n"
                                "SwapCached:            7 kB\nSwapTotal:       2097148 kB\nSwapFree:  5 kB\n"
                                "HugePages_Total:       0\n",
                                &sample));
        assert_int_equal(sample.memory_total_bytes, 24684368ULL * 1024);
        assert_int_equal(sample.memory_available_bytes, 23000000ULL * 1024);
        assert_int_equal(sample.swap_total_bytes, 2097148ULL * 1024);
        assert_int_equal(sample.swap_free_bytes, 5ULL * 1024);
}

static void test_old_kernels_have_no_available(void **state)
{
        SystemSample sample = { 0 };

        assert_ok(meminfo_parse("MemTotal: 1000 kB\nMemFree: 100 kB\nBuffers: 20 kB\nCached: 3 kB\n",
                                &sample));
        assert_int_equal(sample.memory_available_bytes, 123ULL * 1024);
        assert_int_equal(sample.swap_total_bytes, 0);
}

/* What is wrong with one line takes only its own figure along. */
static void test_a_bad_line_is_unknown(void **state)
{
        static const uint64_t unknown = SAMPLE_UNKNOWN;
        const struct {
                const char *text;
                uint64_t total_bytes, available_bytes, swap_total_bytes, swap_free_bytes;
        } rows[] = {
                { "", unknown, unknown, 0, 0 },
                { "garbage", unknown, unknown, 0, 0 },
                { "MemTotal: 1 kB\n", 1024, unknown, 0, 0 },
                { "MemAvailable: 1 kB\n", unknown, 1024, 0, 0 },
                { "MemTotal: 1 kB\nMemFree: 1 kB\nBuffers: 1 kB\n", 1024, unknown, 0, 0 },
                { "MemTotal: 1 kB\nMemAvailable: 10", 1024, unknown, 0, 0 },      /* truncated */
                { "MemTotal: 1 kB\nMemAvailable: 10 k", 1024, unknown, 0, 0 },    /* truncated */
                { "MemTotal: 1 kB\nMemAvailable: 10 MB\n", 1024, unknown, 0, 0 }, /* another unit */
                { "MemTotal: many kB\nMemAvailable: 2 kB\n", unknown, 2048, 0, 0 },
                { "MemTotal: -1 kB\nMemAvailable: 2 kB\n", unknown, 2048, 0, 0 },
                { "MemTotal: 99999999999999999999 kB\nMemAvailable: 2 kB\n", unknown, 2048, 0, 0 },
                { "MemTotal: 18014398509481984 kB\nMemAvailable: 2 kB\n", unknown, 2048, 0,
                  0 }, /* 2^64 bytes */
                { "MemTotal: 1 kB\nMemAvailable: 2 kB\nSwapTotal: 3 kB\nSwapFree:18446744073709551612 kB\n",
                  1024, 2048, 3072, unknown },
                { "MemTotal: 1 kB\nMemAvailable: 2 kB\nSwapTotal: x kB\nSwapFree: 1 kB\n", 1024, 2048,
                  unknown, 1024 },
                { "MemTotal: 1 kB\nMemAvailable: x kB\nMemFree: 1 kB\nBuffers: 1 kB\nCached: 1 kB\n", 1024,
                  unknown, 0, 0 }, /* not an old kernel */
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                SystemSample sample;

                system_sample_init(&sample);
                assert_err(meminfo_parse(rows[i].text, &sample), -EBADMSG);
                assert_int_equal(sample.memory_total_bytes, rows[i].total_bytes);
                assert_int_equal(sample.memory_available_bytes, rows[i].available_bytes);
                assert_int_equal(sample.swap_total_bytes, rows[i].swap_total_bytes);
                assert_int_equal(sample.swap_free_bytes, rows[i].swap_free_bytes);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_kib_become_bytes),
                cmocka_unit_test(test_old_kernels_have_no_available),
                cmocka_unit_test(test_a_bad_line_is_unknown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
