/* SPDX-License-Identifier: MIT */
/* Time lost waiting for a resource (PSI). */

#include "collector/pressure.h"

#include "test.h"

#define AVERAGES "avg10=0.95 avg60=5.27 avg300=3.54 "

static void test_totals_are_read(void **state)
{
        SystemSample sample = { 0 };

        assert_ok(pressure_parse("some " AVERAGES "total=1\nfull " AVERAGES "total=2\n", "cpu", &sample));
        assert_ok(pressure_parse("some " AVERAGES "total=3\nfull " AVERAGES "total=4\n", "memory", &sample));
        assert_ok(pressure_parse("full " AVERAGES "total=6\nsome " AVERAGES "total=5\n", "io", &sample));
        assert_int_equal(sample.pressure_usec[PRESSURE_CPU_SOME], 1);
        assert_int_equal(sample.pressure_usec[PRESSURE_MEMORY_SOME], 3);
        assert_int_equal(sample.pressure_usec[PRESSURE_MEMORY_FULL], 4);
        assert_int_equal(sample.pressure_usec[PRESSURE_IO_SOME], 5);
        assert_int_equal(sample.pressure_usec[PRESSURE_IO_FULL], 6);
}

static void test_a_bad_line_is_unknown(void **state)
{
        static const char *const texts[] = {
                "",
                "some " AVERAGES "total=1\n",                         /* memory has both */
                "some " AVERAGES "total=1\nfull " AVERAGES "total=2", /* truncated */
                "some " AVERAGES "total=1\nfull " AVERAGES "\n",
                "some " AVERAGES "total=1\nfull " AVERAGES "total=x\n",
                "some " AVERAGES "total=1\nfull " AVERAGES "total=2x\n",
                "some " AVERAGES "total=1\nfull " AVERAGES "total=99999999999999999999\n",
                "something total=1\nfull total=1\n",
                "some\nfull\n",
        };
        SystemSample sample;

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                system_sample_init(&sample);
                assert_err(pressure_parse(texts[i], "memory", &sample), -EBADMSG);
                assert_true(sample.pressure_usec[PRESSURE_MEMORY_FULL] == SAMPLE_UNKNOWN ||
                            sample.pressure_usec[PRESSURE_MEMORY_SOME] == SAMPLE_UNKNOWN);
        }
        assert_true(sample.pressure_usec[PRESSURE_CPU_SOME] == SAMPLE_UNKNOWN);

        /* The other scope is read all the same. */
        system_sample_init(&sample);
        assert_err(pressure_parse("some x\nfull " AVERAGES "total=2\n", "memory", &sample), -EBADMSG);
        assert_int_equal(sample.pressure_usec[PRESSURE_MEMORY_FULL], 2);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_totals_are_read),
                cmocka_unit_test(test_a_bad_line_is_unknown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
