/* SPDX-License-Identifier: MIT */
/* Ownership, sizes, strings that may be absent. */

#include "basic/macro.h"

#include "test.h"

typedef struct Thing {
        int before, number;
} Thing;

static int n_freed;

static Thing *thing_free(Thing *thing)
{
        n_freed++;
        free(thing);
        return NULL;
}
DEFINE_CLEANUP(Thing, thing_free);

static void test_take_leaves_nothing_to_free(void **state)
{
        Thing *kept;
        int number = 3;

        n_freed = 0;
        {
                _cleanup_(thing_freep) Thing *thing = calloc(1, sizeof *thing);
                kept = TAKE_PTR(thing);
                assert_null(thing);
        }
        assert_int_equal(n_freed, 0);
        {
                _cleanup_(thing_freep) _unused_ Thing *thing = kept;
        }
        assert_int_equal(n_freed, 1);

        assert_int_equal(TAKE_FD(number), 3);
        assert_int_equal(number, -EBADF);
}

static void test_container_of_finds_the_outer(void **state)
{
        Thing thing = { 0 };

        assert_ptr_equal(CONTAINER_OF(&thing.number, Thing, number), &thing);
}

static void test_strings(void **state)
{
        assert_true(streq("", "") && streq("a", "a"));
        assert_false(streq("a", "ab") || streq("a", "A"));
        assert_string_equal(strempty(NULL), "");
        assert_string_equal(strempty("a"), "a");
        assert_true(startswith("abc", "ab") && startswith("abc", "") && startswith("", ""));
        assert_false(startswith("ab", "abc") || startswith("", "a"));
        assert_true(endswith("a.service", ".service") && endswith("a", "") && endswith("a", "a"));
        assert_false(endswith("service", ".service") || endswith("a.services", ".service"));
}

static void test_sizes(void **state)
{
        int five[5], n = 0;

        assert_int_equal(ELEMENTSOF(five), 5);
        assert_int_equal(MIN(1, 2), 1);
        assert_int_equal(MAX(1, 2), 2);
        assert_int_equal(MIN(++n, 2), 1);
        assert_int_equal(MAX(++n, 1), 2);
        assert_int_equal(n, 2);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_take_leaves_nothing_to_free),
                cmocka_unit_test(test_container_of_finds_the_outer),
                cmocka_unit_test(test_strings),
                cmocka_unit_test(test_sizes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
