/* SPDX-License-Identifier: MIT */
/* Words of people. */

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

static void test_quoting(void **state)
{
        static const struct {
                const char *word, *quoted;
        } rows[] = {
                { "/srv/a-b_c.d:1@x,y+z=5%", "/srv/a-b_c.d:1@x,y+z=5%" },
                { "", "''" },
                { "two words", "'two words'" },
                { "a;b", "'a;b'" },
                { "~", "'~'" },
                { "it's", "'it'\\''s'" },
                { "caf\xc3\xa9", "'caf\xc3\xa9'" },
                { "a\\b", "'a\\b'" },
                { "a\tb\r\nc", "$'a\\tb\\r\\nc'" },
                { "\x1b[31mit's a\\b", "$'\\x1b[31mit\\'s a\\\\b'" },
                { "\xc2\x9b", "$'\\u009b'" }, /* a control */
                { "a\xe2\x80\xae"
                  "b",
                  "$'a\\u202eb'" },                 /* turns the direction */
                { "\xe2\x81\xa6", "$'\\u2066'" },   /* likewise */
                { "a\xe2\x80\x8b", "$'a\\u200b'" }, /* no width */
                { "a\xc2\xa0"
                  "b",
                  "$'a\\u00a0b'" }, /* no-break space */
                { "a\xe3\x80\x80"
                  "b",
                  "$'a\\u3000b'" },                       /* ideographic space */
                { "\xf3\xa0\x80\x81", "$'\\U000e0001'" }, /* a tag */
                { "\xff"
                  "1",
                  "$'\\xff1'" }, /* no UTF-8 */
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(text_done) Text text = TEXT_NULL;

                word_append_quoted(&text, rows[i].word);
                assert_string_equal(text.data, rows[i].quoted);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_the_nearest_word),
                cmocka_unit_test(test_what_may_be_shown),
                cmocka_unit_test(test_quoting),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
