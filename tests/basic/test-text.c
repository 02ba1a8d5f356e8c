/* SPDX-License-Identifier: MIT */
/* A text that grows. */

#include "basic/text.h"

#include "test.h"

static void test_nothing_appended_is_an_empty_string(void **state)
{
        _cleanup_(freep) char *string = NULL;
        Text text = TEXT_NULL;
        size_t size = 1;

        assert_ok(text_take(&text, &string, &size));
        assert_string_equal(string, "");
        assert_int_equal(size, 0);
}

static void test_grows_across_many_appends(void **state)
{
        _cleanup_(freep) char *string = NULL;
        _cleanup_(text_done) Text text = TEXT_NULL;
        size_t size;

        for (int i = 0; i < 1000; i++) {
                text_appendf(&text, "%03d", i);
                text_append(&text, ",");
        }

        assert_ok(text_take(&text, &string, &size));
        assert_int_equal(size, 4000);
        assert_int_equal(strlen(string), 4000);
        assert_memory_equal(string + 4 * 567, "567,", 4);
        assert_null(text.data);
}

static void test_bytes_may_hold_nul(void **state)
{
        _cleanup_(freep) char *string = NULL;
        _cleanup_(text_done) Text text = TEXT_NULL;
        size_t size;

        text_append_bytes(&text, "a\0b", 3);
        assert_ok(text_take(&text, &string, &size));
        assert_int_equal(size, 3);
        assert_memory_equal(string, "a\0b", 4);
}

static void test_the_first_failure_sticks_until_reset(void **state)
{
        _cleanup_(freep) char *string = NULL;
        _cleanup_(text_done) Text text = TEXT_NULL;

        text.error = -ENOMEM;
        text_append(&text, "lost");
        assert_err(text_take(&text, &string, NULL), -ENOMEM);
        assert_null(string);

        text_reset(&text);
        text_append(&text, "kept");
        assert_ok(text_take(&text, &string, NULL));
        assert_string_equal(string, "kept");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_nothing_appended_is_an_empty_string),
                cmocka_unit_test(test_grows_across_many_appends),
                cmocka_unit_test(test_bytes_may_hold_nul),
                cmocka_unit_test(test_the_first_failure_sticks_until_reset),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
