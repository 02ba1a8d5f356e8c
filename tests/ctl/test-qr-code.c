/* SPDX-License-Identifier: MIT */
/* QR codes for a terminal. */

#include "ctl/hub/qr-code.h"

#include <qrencode.h>

#include "basic/utf8.h"

#include "test.h"

#define MODULES_MAX 80

/* The modules that a terminal shows: true is light. */
typedef struct Picture {
        bool light[MODULES_MAX][MODULES_MAX];
        size_t columns, lines;
} Picture;

static void read_picture(const Text *text, Picture *picture)
{
        size_t column = 0, size;
        uint32_t code;

        for (const char *at = text->data; *at != '\0'; at += size) {
                size = utf8_decode(at, strlen(at), &code);
                assert_true(size > 0);
                if (code == '\n') {
                        picture->columns = column;
                        picture->lines++;
                        column = 0;
                        continue;
                }

                assert_true(column < MODULES_MAX && 2 * picture->lines + 1 < MODULES_MAX);
                picture->light[2 * picture->lines][column] = code == 0x2588 || code == 0x2580;
                picture->light[2 * picture->lines + 1][column++] = code == 0x2588 || code == 0x2584;
        }
}

static char *content_of(size_t length)
{
        char *content = malloc(length + 1);

        assert_non_null(content);
        memset(content, 'x', length);
        content[length] = '\0';
        return content;
}

static void assert_shows(const Picture *picture, const QRcode *code)
{
        size_t width = (size_t) code->width, quiet = (picture->columns - width) / 2;

        for (size_t y = 0; y < 2 * picture->lines; y++)
                for (size_t x = 0; x < picture->columns; x++) {
                        bool inside = x >= quiet && y >= quiet && x < quiet + width && y < quiet + width;
                        bool dark = inside && code->data[(y - quiet) * width + x - quiet] & 1;

                        assert_int_equal(picture->light[y][x], !dark);
                }
}

static void test_modules(void **state)
{
        static const struct {
                size_t length, columns, lines;
        } rows[] = {
                { 1, 21 + 8, 15 },
                { 367, 65 + 8, 37 }, /* version 12, level L: an invitation with one short endpoint */
                { 368, 69 + 4, 37 }, /* version 13: with the narrow quiet zone */
                { 425, 69 + 4, 37 },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(freep) char *content = content_of(rows[i].length);
                _cleanup_(text_done) Text text = TEXT_NULL;
                Picture picture = { 0 };

                assert_ok(qr_code_format(content, false, &text));
                read_picture(&text, &picture);
                assert_int_equal(picture.columns, rows[i].columns);
                assert_true(picture.columns <= QR_CODE_COLUMNS_MAX);
                assert_int_equal(picture.lines, rows[i].lines);
                QRcode *code = QRcode_encodeString8bit(content, 0, QR_ECLEVEL_L);
                assert_shows(&picture, code);
                QRcode_free(code);
        }
}

static void test_colour_is_on_every_line(void **state)
{
        _cleanup_(text_done) Text text = TEXT_NULL;
        size_t n = 0;

        assert_ok(qr_code_format("x", true, &text));
        for (const char *at = text.data; (at = strstr(at, "\x1b[97;40m")); at++)
                n++;
        assert_int_equal(n, 15);
        assert_true(endswith(text.data, "\x1b[0m\n"));
}

static void test_too_wide(void **state)
{
        static const size_t lengths[] = { 426, 3000 };

        for (size_t i = 0; i < ELEMENTSOF(lengths); i++) {
                _cleanup_(freep) char *content = content_of(lengths[i]);
                _cleanup_(text_done) Text text = TEXT_NULL;

                assert_err(qr_code_format(content, false, &text), -EFBIG);
                assert_int_equal(text.size, 0);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_modules),
                cmocka_unit_test(test_colour_is_on_every_line),
                cmocka_unit_test(test_too_wide),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
