/* SPDX-License-Identifier: MIT */
#include "api/counters.h"

#include "test.h"

static void test_answers(void **state)
{
        Counters counters = { 0 };

        counters_count_answer(&counters, 0, 200);
        counters_count_answer(&counters, 0, 200);
        counters_count_answer(&counters, 0, 503);
        counters_count_answer(&counters, 1, 503);
        assert_int_equal(counters.answers_total, 4);
        assert_int_equal(counters.statuses[0], 200);
        assert_int_equal(counters.statuses[1], 503);
        assert_int_equal(counters.answers[0][0], 2);
        assert_int_equal(counters.answers[0][1], 1);
        assert_int_equal(counters.answers[1][1], 1);
}

static void test_too_many_statuses(void **state)
{
        Counters counters = { 0 };

        for (unsigned status = 100; status < 100 + COUNTERS_STATUSES_MAX + 5; status++)
                counters_count_answer(&counters, 0, status);
        assert_int_equal(counters.answers_total, COUNTERS_STATUSES_MAX + 5);
        assert_int_equal(counters.statuses[COUNTERS_STATUSES_MAX - 1], 100 + COUNTERS_STATUSES_MAX - 1);
}

static void test_names(void **state)
{
        for (ActionKind kind = ACTION_NONE + 1; kind < _ACTION_KIND_MAX; kind++)
                assert_non_null(action_kind_to_string(kind));
        for (ActionOutcome outcome = 0; outcome < _ACTION_OUTCOME_MAX; outcome++)
                assert_non_null(action_outcome_to_string(outcome));
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_answers),
                cmocka_unit_test(test_too_many_statuses),
                cmocka_unit_test(test_names),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
