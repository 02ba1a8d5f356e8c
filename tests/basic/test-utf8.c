/* SPDX-License-Identifier: MIT */
#include "basic/utf8.h"

#include <string.h>

#include "test.h"

static void test_decode(void **state)
{
        static const struct {
                const char *text;
                size_t length;
                uint32_t code;
        } rows[] = {
                { "a", 1, 'a' },
                { "\x7f", 1, 0x7f },
                { "\xc2\x80", 2, 0x80 },
                { "\xdf\xbf", 2, 0x7ff },
                { "\xe0\xa0\x80", 3, 0x800 },
                { "\xed\x9f\xbf", 3, 0xd7ff },
                { "\xee\x80\x80", 3, 0xe000 },
                { "\xf0\x90\x80\x80", 4, 0x10000 },
                { "\xf4\x8f\xbf\xbf", 4, 0x10ffff },
                { "\xc1\xbf", 0, 0 },         /* longer than needed */
                { "\xe0\x9f\xbf", 0, 0 },     /* likewise */
                { "\xf0\x8f\xbf\xbf", 0, 0 }, /* likewise */
                { "\xed\xa0\x80", 0, 0 },     /* a surrogate */
                { "\xf4\x90\x80\x80", 0, 0 }, /* beyond the last */
                { "\x80", 0, 0 },
                { "\xc2", 0, 0 },
                { "\xc2\x20", 0, 0 },
                { "\xe2\x80", 0, 0 },
                { "\xf8\x88\x80\x80\x80", 0, 0 },
                { "\xff", 0, 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                uint32_t code = 0;

                assert_int_equal(utf8_decode(rows[i].text, SIZE_MAX, &code), rows[i].length);
                assert_int_equal(code, rows[i].code);
        }
}

static void test_size(void **state)
{
        uint32_t code;

        assert_int_equal(utf8_decode("\xe2\x80\x8b", 2, &code), 0);
        assert_int_equal(utf8_decode("\xe2\x80\x8b", 3, &code), 3);
        assert_int_equal(utf8_decode("\0", 1, &code), 1);
        assert_int_equal(code, 0);
}

static void test_invisible(void **state)
{
        static const char *const invisible[] = {
                "\xc2\xad",         /* U+00AD */
                "\xd8\x9c",         /* U+061C */
                "\xe2\x80\x8b",     /* U+200B */
                "\xe2\x80\xae",     /* U+202E */
                "\xef\xbb\xbf",     /* U+FEFF */
                "\xef\xb8\x8f",     /* U+FE0F */
                "\xf3\xa0\x81\x81", /* U+E0041 */
                "\xe3\x85\xa4",     /* U+3164 */
                "\n",
                "\xff", /* not UTF-8 */
        };

        for (size_t i = 0; i < ELEMENTSOF(invisible); i++)
                if (utf8_is_visible(invisible[i]))
                        fail_msg("row %zu", i);
        assert_true(utf8_is_visible(""));
        assert_true(utf8_is_visible("caf\xc3\xa9 \xe2\x80\x93 \xf0\x9f\x94\x92"));
}

static void test_sanitize(void **state)
{
        static const struct {
                const char *text, *shown;
                size_t width;
        } rows[] = {
                { "caf\xc3\xa9", "caf\xc3\xa9", 4 },
                { "\xc2\xa0\xe2\x80\x93", "\xc2\xa0\xe2\x80\x93", 2 },
                { "a\xc2\x9b"
                  "2J",
                  "a??2J", 5 },
                { "\xe2\x80\xae"
                  "b",
                  "???b", 4 },
                { "\xe2\x81\xa6\xe2\x80\x8b", "??????", 6 },
                { "\xef\xbb\xbf\xc2\xad", "?????", 5 },
                { "\xe2\x80", "??", 2 }, /* cut off */
                { "\xe2", "?", 1 },
                { "a\x9b"
                  "2J",
                  "a?2J", 4 }, /* of a terminal that reads bytes as characters */
        };
        char text[16];

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                (void) stpcpy(text, rows[i].text);
                assert_int_equal(utf8_sanitize(text), rows[i].width);
                assert_string_equal(text, rows[i].shown);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_decode), cmocka_unit_test(test_size),
                                            cmocka_unit_test(test_invisible),
                                            cmocka_unit_test(test_sanitize) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
