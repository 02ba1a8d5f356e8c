/* SPDX-License-Identifier: MIT */
/* Counters that do not decrease. */

#include "collector/counter.h"

#include "test.h"

/* The values of the kernel and those that are reported, in turn. */
static void test_it_never_decreases(void **state)
{
        static const struct {
                usec_t kernel_usec, reported_usec;
        } rows[] = {
                { 5000000, 5000000 },   { 4800000, 5000000 },   { 4900000, 5000000 },  { 5000001, 5000001 },
                { 90000000, 90000000 }, { 87000000, 90000000 }, /* held: at most three seconds back */
                { 89000000, 90000000 }, { 91000000, 91000000 }, { 1000000, 91000000 }, /* began anew */
                { 1500000, 91500000 },  { 1400000, 91500000 },  { 2000000, 92000000 }, { 0, 92000000 },
                { 0, 92000000 },        { 3000000, 93000000 },
        };
        Counter counter = { 0 };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                assert_int_equal(counter_update(&counter, rows[i].kernel_usec), rows[i].reported_usec);
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_it_never_decreases) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
