/* SPDX-License-Identifier: MIT */
/* A secret text in guarded memory. */

#include "crypto/secret.h"

#include "test.h"

static void test_only_the_same_text_is_equal(void **state)
{
        static const struct {
                const char *text;
                bool expected;
        } rows[] = {
                { "correct horse", true },  { "", false },
                { "correct", false },       { "correct horse ", false },
                { "Correct horse", false }, { "correct horsf", false },
                { "dorrect horse", false }, { "correct horse battery staple correct horse", false },
        };
        _cleanup_(secret_freep) Secret *secret = NULL;

        assert_ok(secret_new("correct horse", 13, &secret));
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                assert_int_equal(secret_equals(secret, rows[i].text), rows[i].expected);
}

static void test_every_size_keeps_its_bytes(void **state)
{
        char text[300] = { 0 };

        for (size_t size = 0; size < sizeof text - 1; size++) {
                _cleanup_(secret_freep) Secret *secret = NULL;

                memset(text, 'x', size);
                assert_ok(secret_new(text, size, &secret));
                assert_true(secret_equals(secret, text));
                text[size] = 'y';
                assert_false(secret_equals(secret, text));
                text[size] = '\0';
        }
}

static void test_a_nul_inside_does_not_shorten_it(void **state)
{
        _cleanup_(secret_freep) Secret *secret = NULL;

        assert_ok(secret_new("ab\0c", 4, &secret));
        assert_false(secret_equals(secret, "ab"));
}

static void test_it_is_a_copy(void **state)
{
        _cleanup_(secret_freep) Secret *secret = NULL;
        char text[] = "before";

        assert_ok(secret_new(text, 6, &secret));
        memcpy(text, "after!", 6);
        assert_true(secret_equals(secret, "before"));
        assert_false(secret_equals(secret, "after!"));
}

static void test_free_takes_nothing(void **state)
{
        assert_null(secret_free(NULL));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_only_the_same_text_is_equal),
                cmocka_unit_test(test_every_size_keeps_its_bytes),
                cmocka_unit_test(test_a_nul_inside_does_not_shorten_it),
                cmocka_unit_test(test_it_is_a_copy),
                cmocka_unit_test(test_free_takes_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
