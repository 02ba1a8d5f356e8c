/* SPDX-License-Identifier: MIT */
/* Bytes as text: one spelling each. */

#include "codec/binary-text.h"

#include "test.h"

static void test_hexadecimal(void **state)
{
        static const char *const refused[] = { "", "00", "00ff1", "00ff1020", "00FF10", "00fg10", " 0ff10" };
        uint8_t bytes[3] = { 0 };
        char text[HEX_SIZE(3)];

        assert_ok(hex_parse("00ff10", bytes, 3));
        assert_memory_equal(bytes, "\x00\xff\x10", 3);
        hex_format(BYTES_OF(bytes), text);
        assert_string_equal(text, "00ff10");
        for (size_t i = 0; i < ELEMENTSOF(refused); i++)
                assert_err(hex_parse(refused[i], bytes, 3), -EINVAL);
}

static void test_hexadecimal_has_sixteen_digits(void **state)
{
        static const char digits[] = "0123456789abcdef";

        for (int byte = 0; byte < 256; byte++) {
                const char *digit = byte != 0 ? strchr(digits, byte) : NULL;
                char text[] = { '0', (char) byte, (char) byte, '0' };
                uint8_t bytes[2] = { 0 };

                assert_err(hex_decode(BYTES_OF(text), bytes, 2), digit ? 0 : -EINVAL);
                if (digit) {
                        assert_int_equal(bytes[0], digit - digits);
                        assert_int_equal(bytes[1], bytes[0] << 4);
                }
        }
}

static void test_base64_both_ways(void **state)
{
        uint8_t bytes[64];
        char text[BASE64_SIZE(64)];

        for (size_t i = 0; i < sizeof bytes; i++)
                bytes[i] = (uint8_t) (i * 37);

        for (size_t size = 0; size <= sizeof bytes; size++) {
                _cleanup_(freep) uint8_t *plain = NULL, *url = NULL, *unpadded = NULL;
                size_t plain_size, url_size, unpadded_size;

                base64_format(BYTES(bytes, size), text);
                assert_ok(base64_parse(text, size, &plain, &plain_size));
                assert_true(bytes_equal(BYTES(plain, plain_size), BYTES(bytes, size)));

                base64url_format(BYTES(bytes, size), text);
                assert_null(strpbrk(text, "+/="));
                assert_ok(base64url_parse(text, size, &url, &url_size));
                assert_true(bytes_equal(BYTES(url, url_size), BYTES(bytes, size)));

                memset(text, '#', sizeof text); /* nothing is written behind the NUL */
                base64_unpadded_format(BYTES(bytes, size), text);
                assert_int_equal(strlen(text) + 1, BASE64_UNPADDED_SIZE(size));
                assert_true(size == sizeof bytes || text[BASE64_UNPADDED_SIZE(size)] == '#');
                assert_null(strpbrk(text, "-_="));
                assert_ok(base64_unpadded_parse(text, size, &unpadded, &unpadded_size));
                assert_true(bytes_equal(BYTES(unpadded, unpadded_size), BYTES(bytes, size)));
        }
}

static void test_base64_has_one_spelling(void **state)
{
        static const char *const refused[] = {
                "e",     "e3",   "e30", "e31=",     "e30==",      "e30=\n",
                "e3 0=", "e3_=", "=",   "e30=e30=", "e3\xff\xff", "\xc1\xc1\xc1\xc1"
        };
        uint8_t *bytes = NULL;
        size_t size;

        for (size_t i = 0; i < ELEMENTSOF(refused); i++)
                assert_err(base64_parse(refused[i], 100, &bytes, &size), -EINVAL);
        assert_err(base64_parse("YWFh", 2, &bytes, &size), -EFBIG);
        assert_err(base64url_parse("e30=", 100, &bytes, &size), -EINVAL);
        assert_err(base64url_parse("e31", 100, &bytes, &size), -EINVAL);
        assert_err(base64_unpadded_parse("e30=", 100, &bytes, &size), -EINVAL);
        assert_err(base64_unpadded_parse("e31", 100, &bytes, &size), -EINVAL);
        assert_null(bytes);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_hexadecimal),
                cmocka_unit_test(test_hexadecimal_has_sixteen_digits),
                cmocka_unit_test(test_base64_both_ways),
                cmocka_unit_test(test_base64_has_one_spelling),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
