/* SPDX-License-Identifier: MIT */
/* Targets of requests. */

#include "matrix/url.h"

#include "test.h"

static void test_format(void **state)
{
        static const struct {
                const char *format, *argument, *target;
        } rows[] = {
                { "/rooms/%/x", "!a:b.c", "/rooms/%21a%3Ab.c/x" },
                { "/x?since=%", "s1_2~3-4.5&a=b", "/x?since=s1_2~3-4.5%26a%3Db" },
                { "/%/../x", "../\xc3\xa9 %", "/..%2F%C3%A9%20%25/../x" },
                { "/x", "", "/x" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(freep) char *target = NULL;

                assert_ok(url_format(&target, rows[i].format, rows[i].argument));
                assert_string_equal(target, rows[i].target);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_format) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
