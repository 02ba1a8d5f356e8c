/* SPDX-License-Identifier: MIT */
#include "basic/backoff.h"

#include "test.h"

static void test_delays(void **state)
{
        static const usec_t expected[] = { 1, 2, 4, 8, 10, 10, 10 };
        Backoff backoff = { .min_usec = 1, .max_usec = 10 };

        for (int round = 0; round < 3; round++) {
                for (size_t i = 0; i < ELEMENTSOF(expected); i++)
                        assert_int_equal(backoff_next(&backoff), expected[i]);
                backoff_reset(&backoff);
        }
}

static void test_no_overflow(void **state)
{
        Backoff backoff = { .min_usec = USEC_PER_SEC, .max_usec = USEC_INFINITY };
        usec_t before = 0;

        for (int i = 0; i < 100; i++) {
                usec_t delay_usec = backoff_next(&backoff);

                assert_true(delay_usec >= before);
                before = delay_usec;
        }
        assert_int_equal(before, USEC_INFINITY);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_delays),
                cmocka_unit_test(test_no_overflow),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
