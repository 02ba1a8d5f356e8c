/* SPDX-License-Identifier: MIT */
/* The clock, in microseconds. */

#include "basic/time.h"

#include "test.h"

static void test_monotonic_clocks_do_not_go_back(void **state)
{
        static const clockid_t clocks[] = { CLOCK_MONOTONIC, CLOCK_BOOTTIME };

        for (size_t i = 0; i < ELEMENTSOF(clocks); i++) {
                usec_t before_usec = time_now(clocks[i]);
                assert_true(time_now(clocks[i]) >= before_usec);
        }
}

static void test_the_unit_is_microseconds(void **state)
{
        usec_t from_usec = (usec_t) time(NULL) * USEC_PER_SEC;
        usec_t now_usec = time_now(CLOCK_REALTIME);
        usec_t to_usec = (usec_t) (time(NULL) + 1) * USEC_PER_SEC;

        /* time(2) reads a coarse clock that may be one tick (10 ms) behind. */
        assert_in_range(now_usec, from_usec, to_usec + 10 * USEC_PER_MSEC);
}

static void test_deadlines(void **state)
{
        usec_t deadline_usec = deadline_after(USEC_PER_SEC * 3600);

        assert_in_range(deadline_left(deadline_usec), USEC_PER_SEC * 60, USEC_PER_SEC * 3600);
        assert_int_equal(deadline_left(deadline_after(0)), 0);
        assert_int_equal(deadline_left(0), 0);
        assert_true(deadline_after(USEC_INFINITY) == USEC_INFINITY);
        assert_true(deadline_after(USEC_INFINITY - 1) == USEC_INFINITY); /* no overflow */
        assert_true(deadline_left(USEC_INFINITY) == USEC_INFINITY);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_monotonic_clocks_do_not_go_back),
                cmocka_unit_test(test_the_unit_is_microseconds),
                cmocka_unit_test(test_deadlines),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
