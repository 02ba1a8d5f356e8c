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

static void test_incomplete_texts_are_rejected(void **state)
{
        static const char *const texts[] = {
                "",
                "garbage",
                "MemTotal: 1000 kB\n",
                "MemAvailable: 1000 kB\n",
                "MemTotal: 1000 kB\nMemFree: 1 kB\nBuffers: 1 kB\n",
                "MemTotal: 1000 kB\nMemAvailable: 10",      /* truncated */
                "MemTotal: 1000 kB\nMemAvailable: 10 k",    /* truncated */
                "MemTotal: 1000 kB\nMemAvailable: 10 MB\n", /* another unit */
                "MemTotal: many kB\nMemAvailable: 10 kB\n",
                "MemTotal: -1 kB\nMemAvailable: 10 kB\n",
                "MemTotal: 99999999999999999999 kB\nMemAvailable: 10 kB\n",
                "MemTotal: 18014398509481984 kB\nMemAvailable: 10 kB\n", /* 2^64 bytes */
        };
        SystemSample sample = { .memory_total_bytes = 42 };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                assert_err(meminfo_parse(texts[i], &sample), -EBADMSG);
        assert_int_equal(sample.memory_total_bytes, 42);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_kib_become_bytes),
                cmocka_unit_test(test_old_kernels_have_no_available),
                cmocka_unit_test(test_incomplete_texts_are_rejected),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
