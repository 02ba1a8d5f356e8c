/* SPDX-License-Identifier: MIT */
/* The load averages. */

#include "collector/loadavg.h"

#include "test.h"

static void test_three_numbers_are_read(void **state)
{
        SystemSample sample = { 0 };

        assert_ok(loadavg_parse("0.05 12.50 1024.99 1/149 20776\n", &sample));
        assert_float_equal(sample.load_1, 0.05, 1e-9);
        assert_float_equal(sample.load_5, 12.5, 1e-9);
        assert_float_equal(sample.load_15, 1024.99, 1e-9);
}

static void test_anything_else_is_rejected(void **state)
{
        static const char *const texts[] = {
                "",
                "\n",
                "0.05",
                "0.05 0.10 ",
                "0.05 0.10 0.2", /* truncated */
                "1 2 3 1/149 20776\n",
                "nan 0.10 0.20 1/1 1\n",
                "0,05 0,10 0,20 1/1 1\n",
                "-0.05 0.10 0.20 1/1 1\n",
                "1e5 0.10 0.20 1/1 1\n",
                "99999999999999999999.0 0.1 0.1 1/1 1\n",
        };
        SystemSample sample = { .load_1 = 42 };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                assert_err(loadavg_parse(texts[i], &sample), -EBADMSG);
        assert_float_equal(sample.load_1, 42, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_three_numbers_are_read),
                cmocka_unit_test(test_anything_else_is_rejected),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
