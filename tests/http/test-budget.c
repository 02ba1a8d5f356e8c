/* SPDX-License-Identifier: MIT */
#include "http/server-internal.h"

#include "test.h"

/* How often a user can be charged 10 bytes. */
static size_t charge_all(HttpBudget *budget, uid_t user, HttpCharge *charges)
{
        size_t n = 0;

        while (http_charge(budget, user, 10, &charges[n]) >= 0)
                n++;
        return n;
}

static void test_shares(void **state)
{
        HttpBudget budget = { .max_bytes = 1000 };
        HttpCharge charges[4][100] = { 0 };
        static const size_t shares[] = { 50, 25, 12, 6 };

        for (uid_t user = 0; user < ELEMENTSOF(shares); user++)
                assert_int_equal(charge_all(&budget, user, charges[user]), shares[user]);

        /* What one returns, all share. */
        for (size_t i = 0; i < 50; i++)
                http_charge_done(&charges[0][i]);
        assert_ok(http_charge(&budget, 1, 10, &charges[0][0]));
        http_charge_done(&charges[0][0]);

        for (uid_t user = 1; user < ELEMENTSOF(shares); user++)
                for (size_t i = 0; i < shares[user]; i++)
                        http_charge_done(&charges[user][i]);
        assert_int_equal(budget.used_bytes, 0);
        assert_true(LIST_EMPTY(&budget.accounts));
}

static void test_sizes(void **state)
{
        static const struct {
                size_t max, bytes;
                int outcome;
        } rows[] = {
                { 0, 0, 0 },  { 0, 1, -EDQUOT },  { 1, 1, -EDQUOT },         { 2, 1, 0 },
                { 10, 5, 0 }, { 10, 6, -EDQUOT }, { 10, SIZE_MAX, -EDQUOT }, { SIZE_MAX, SIZE_MAX / 2, 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                HttpBudget budget = { .max_bytes = rows[i].max };
                HttpCharge charge = { 0 };

                assert_err(http_charge(&budget, HTTP_USER_UNKNOWN, rows[i].bytes, &charge), rows[i].outcome);
                http_charge_done(&charge);
                http_charge_done(&charge); /* without effect */
                assert_int_equal(budget.used_bytes, 0);
        }
}

/* The figure of devbox-config(5) and devbox-api(8). */
static void test_connections_of_the_budget(void **state)
{
        const HttpLimits limits = HTTP_LIMITS_DEFAULT;
        HttpBudget budget = { .max_bytes = limits.budget_bytes };
        HttpCharge charges[532 + 1] = { 0 };
        size_t n = http_limits_connections(&limits), cost = http_connection_cost(&limits);

        assert_int_equal(n, 532);
        for (size_t i = 0; i < n; i++)
                assert_ok(http_charge(&budget, HTTP_USER_UNKNOWN, cost, &charges[i]));
        assert_err(http_charge(&budget, HTTP_USER_UNKNOWN, cost, &charges[n]), -EDQUOT);
        for (size_t i = 0; i < n; i++)
                http_charge_done(&charges[i]);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_connections_of_the_budget),
                cmocka_unit_test(test_shares),
                cmocka_unit_test(test_sizes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
