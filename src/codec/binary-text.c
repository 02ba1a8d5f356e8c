/* SPDX-License-Identifier: MIT */
/* Bytes as text, by libsodium. */

#include "codec/binary-text.h"

#include <sodium.h>

void hex_format(Bytes bytes, char *ret_text)
{
        (void) sodium_bin2hex(ret_text, HEX_SIZE(bytes.size), bytes.data, bytes.size);
}

int hex_parse(const char *text, void *ret_bytes, size_t size)
{
        if (strlen(text) != size * 2 || strspn(text, "0123456789abcdef") != size * 2)
                return -EINVAL;

        return sodium_hex2bin(ret_bytes, size, text, size * 2, NULL, NULL, NULL) < 0 ? -EINVAL : 0;
}

void base64_format(Bytes bytes, char *ret_text)
{
        (void) sodium_bin2base64(ret_text, BASE64_SIZE(bytes.size), bytes.data, bytes.size,
                                 sodium_base64_VARIANT_ORIGINAL);
}

void base64url_format(Bytes bytes, char *ret_text)
{
        (void) sodium_bin2base64(ret_text, BASE64_SIZE(bytes.size), bytes.data, bytes.size,
                                 sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

/* libsodium refuses stray bits behind the last byte, so each value has one spelling, once bytes beyond ASCII
 * are kept away: 1.0.18 takes some of them for letters. */
static int parse_variant(int variant, const char *text, size_t max, uint8_t **ret_bytes, size_t *ret_size)
{
        size_t length = strlen(text), room = length / 4 * 3 + 3, size;

        if (length / 4 > max / 3 + 1)
                return -EFBIG;
        for (size_t i = 0; i < length; i++)
                if ((unsigned char) text[i] >= 0x80)
                        return -EINVAL;

        uint8_t *bytes = malloc(room);
        if (!bytes)
                return -ENOMEM;

        int r = sodium_base642bin(bytes, room, text, length, NULL, &size, NULL, variant) < 0 ? -EINVAL : 0;
        if (r == 0 && size > max)
                r = -EFBIG;
        if (r < 0) {
                free(bytes);
                return r;
        }

        *ret_bytes = bytes;
        *ret_size = size;
        return 0;
}

int base64_parse(const char *text, size_t max, uint8_t **ret_bytes, size_t *ret_size)
{
        return parse_variant(sodium_base64_VARIANT_ORIGINAL, text, max, ret_bytes, ret_size);
}

int base64url_parse(const char *text, size_t max, uint8_t **ret_bytes, size_t *ret_size)
{
        return parse_variant(sodium_base64_VARIANT_URLSAFE_NO_PADDING, text, max, ret_bytes, ret_size);
}
