/* SPDX-License-Identifier: MIT */
/* Reading fixed binary layouts: the first failure sticks, and nothing may be left. */

#include "basic/byte-reader.h"

#include "test.h"

static void test_reads_in_order(void **state)
{
        static const uint8_t bytes[] = { 7, 0, 0, 0, 0, 0, 0, 1, 2, 2, 'a', 'b', 9 };
        ByteReader reader = { BYTES_OF(bytes), false };
        char text[4];

        assert_int_equal(byte_reader_take_byte(&reader), 7);
        assert_int_equal(byte_reader_take_be64(&reader), 0x102);
        byte_reader_take_text(&reader, text, sizeof text);
        assert_string_equal(text, "ab");
        assert_false(byte_reader_is_done(&reader));
        assert_int_equal(byte_reader_take_byte(&reader), 9);
        assert_true(byte_reader_is_done(&reader));
}

static void test_a_failure_sticks(void **state)
{
        static const uint8_t bytes[] = { 1, 2, 3 };
        ByteReader reader = { BYTES_OF(bytes), false };
        uint8_t four[4] = { 9, 9, 9, 9 };

        byte_reader_take(&reader, four, sizeof four);
        assert_memory_equal(four, ((uint8_t[4]){ 0 }), 4);
        assert_int_equal(byte_reader_take_byte(&reader), 0);
        assert_false(byte_reader_is_done(&reader));
}

static void test_texts(void **state)
{
        static const struct {
                uint8_t bytes[5];
                size_t size;
                const char *expected; /* NULL: fails */
        } rows[] = {
                { { 0 }, 1, "" },
                { { 3, 'a', 'b', 'c' }, 4, "abc" },
                { { 4, 'a', 'b', 'c', 'd' }, 5, NULL }, /* no room for the NUL */
                { { 3, 'a', 0, 'c' }, 4, NULL },
                { { 3, 'a', 'b' }, 3, NULL },
                { { 0 }, 0, NULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                ByteReader reader = { BYTES(rows[i].bytes, rows[i].size), false };
                char text[4];

                byte_reader_take_text(&reader, text, sizeof text);
                assert_int_equal(byte_reader_is_done(&reader), rows[i].expected != NULL);
                if (rows[i].expected)
                        assert_string_equal(text, rows[i].expected);
        }
}

static void test_put_text_is_read_again(void **state)
{
        uint8_t bytes[8];
        char text[8];
        size_t size = (size_t) (put_text(bytes, "hello") - bytes);
        ByteReader reader = { BYTES(bytes, size), false };

        byte_reader_take_text(&reader, text, sizeof text);
        assert_true(byte_reader_is_done(&reader));
        assert_string_equal(text, "hello");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_reads_in_order),
                cmocka_unit_test(test_a_failure_sticks),
                cmocka_unit_test(test_texts),
                cmocka_unit_test(test_put_text_is_read_again),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
