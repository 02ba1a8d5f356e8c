/* SPDX-License-Identifier: MIT */
/* Numbers from text. */

#include "basic/parse.h"

#include "test.h"

static void test_parse_u64(void **state)
{
        static const struct {
                const char *text;
                uint64_t min, max;
                int expected;
                uint64_t value;
        } rows[] = {
                { "0", 0, UINT64_MAX, 0, 0 },
                { "007", 0, UINT64_MAX, 0, 7 },
                { "18446744073709551615", 0, UINT64_MAX, 0, UINT64_MAX },
                { "18446744073709551616", 0, UINT64_MAX, -ERANGE, 0 },
                { "99999999999999999999999", 0, UINT64_MAX, -ERANGE, 0 },
                { "1", 1, 65535, 0, 1 },
                { "65535", 1, 65535, 0, 65535 },
                { "0", 1, 65535, -ERANGE, 0 },
                { "65536", 1, 65535, -ERANGE, 0 },
                { "", 0, 10, -EINVAL, 0 },
                { " 1", 0, 10, -EINVAL, 0 },
                { "1 ", 0, 10, -EINVAL, 0 },
                { "+1", 0, 10, -EINVAL, 0 },
                { "-1", 0, 10, -EINVAL, 0 },
                { "1.0", 0, 10, -EINVAL, 0 },
                { "0x1", 0, 10, -EINVAL, 0 },
                { "1e1", 0, 10, -EINVAL, 0 },
                { "eins", 0, 10, -EINVAL, 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                uint64_t value = 4711;

                assert_err(parse_u64(rows[i].text, rows[i].min, rows[i].max, &value), rows[i].expected);
                assert_int_equal(value, rows[i].expected == 0 ? rows[i].value : 4711);
        }
}

static void test_parse_next_walks_a_line(void **state)
{
        const char *cursor = "  10 \t0 18446744073709551615\n";
        uint64_t value;

        assert_ok(parse_next_u64(&cursor, &value));
        assert_int_equal(value, 10);
        assert_ok(parse_next_u64(&cursor, &value));
        assert_int_equal(value, 0);
        assert_ok(parse_next_u64(&cursor, &value));
        assert_int_equal(value, UINT64_MAX);
        assert_string_equal(cursor, "\n");
}

static void test_parse_next_stays_where_it_fails(void **state)
{
        static const struct {
                const char *text;
                int expected;
        } rows[] = {
                { "", -EINVAL },
                { "  ", -EINVAL },
                { "\n1", -EINVAL },
                { " -1", -EINVAL },
                { " 18446744073709551616 1", -ERANGE },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                const char *cursor = rows[i].text;
                uint64_t value = 4711;

                assert_err(parse_next_u64(&cursor, &value), rows[i].expected);
                assert_ptr_equal(cursor, rows[i].text);
                assert_int_equal(value, 4711);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_parse_u64),
                cmocka_unit_test(test_parse_next_walks_a_line),
                cmocka_unit_test(test_parse_next_stays_where_it_fails),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
