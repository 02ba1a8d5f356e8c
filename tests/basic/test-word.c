/* SPDX-License-Identifier: MIT */
/* Words that were meant. */

#include "basic/word.h"

#include "test.h"

static void test_the_nearest_word(void **state)
{
        static const char *const names[] = { "http", "host", "port", "services", "insecure_expose", "id" };
        static const struct {
                const char *word, *meant; /* NULL: none is near */
        } rows[] = {
                { "port", "port" },
                { "prot", "port" }, /* swapped */
                { "por", "port" },
                { "pport", "port" },
                { "Host", "host" },
                { "htpp", "http" },
                { "service", "services" },
                { "servces", "services" },
                { "insecure-expose", "insecure_expose" },
                { "insecureexpose", "insecure_expose" },
                { "di", NULL }, /* one of two letters is nothing */
                { "mesh", NULL },
                { "", NULL },
                { "proxy", NULL },
                { "insecure_expose_insecure_expose_insecure_expose", NULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                const char *nearest = word_nearest(rows[i].word, names, ELEMENTSOF(names));

                if (rows[i].meant)
                        assert_string_equal(strempty(nearest), rows[i].meant);
                else
                        assert_null(nearest);
        }

        assert_null(word_nearest("port", names, 0));
}

static void test_what_may_be_shown(void **state)
{
        static const struct {
                const char *word;
                bool showable;
        } rows[] = {
                { "port", true },
                { "getty@.service", true },
                { "12345678901234567890123456789012", true },
                { "123456789012345678901234567890123", false }, /* long enough for a token */
                { "", false },
                { "two words", false },
                { "\x1b[31mred", false },
                { "it's", false },
                { "caf\xc3\xa9", false },
                { "a\n", false },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                assert_int_equal(word_is_showable(rows[i].word), rows[i].showable);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_the_nearest_word),
                cmocka_unit_test(test_what_may_be_shown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
