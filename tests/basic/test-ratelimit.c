/* SPDX-License-Identifier: MIT */
/* At most so many events per interval. */

#include "basic/ratelimit.h"

#include "test.h"

static void test_a_burst_passes_and_the_rest_is_counted(void **state)
{
        RateLimit limit = { .interval_usec = 100, .burst = 2 };
        unsigned suppressed = 99;

        assert_true(ratelimit_pass(&limit, 1000, &suppressed));
        assert_int_equal(suppressed, 0);
        assert_true(ratelimit_pass(&limit, 1001, &suppressed));

        suppressed = 99;
        assert_false(ratelimit_pass(&limit, 1002, &suppressed));
        assert_false(ratelimit_pass(&limit, 1099, &suppressed));
        assert_int_equal(suppressed, 99);

        assert_true(ratelimit_pass(&limit, 1100, &suppressed));
        assert_int_equal(suppressed, 2);
        assert_true(ratelimit_pass(&limit, 1101, &suppressed));
        assert_int_equal(suppressed, 0);
        assert_false(ratelimit_pass(&limit, 1102, &suppressed));
}

static void test_the_interval_begins_with_its_first_event(void **state)
{
        RateLimit limit = { .interval_usec = 100, .burst = 1 };
        unsigned suppressed;

        assert_true(ratelimit_pass(&limit, 0, &suppressed));
        assert_true(ratelimit_pass(&limit, 550, &suppressed));
        assert_false(ratelimit_pass(&limit, 600, &suppressed)); /* fixed windows of 100 would pass it */
        assert_true(ratelimit_pass(&limit, 650, &suppressed));
}

static void test_no_burst_lets_nothing_pass(void **state)
{
        RateLimit limit = { .interval_usec = 100 };
        unsigned suppressed;

        for (usec_t now_usec = 0; now_usec < 1000; now_usec += 50)
                assert_false(ratelimit_pass(&limit, now_usec, &suppressed));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_burst_passes_and_the_rest_is_counted),
                cmocka_unit_test(test_the_interval_begins_with_its_first_event),
                cmocka_unit_test(test_no_burst_lets_nothing_pass),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
