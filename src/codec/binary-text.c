/* SPDX-License-Identifier: MIT */
/* Bytes as text. libsodium does it, except for parsing hexadecimal: digests and public keys are many and not
 * secret, so they need no constant time. */

#include "codec/binary-text.h"

#include <sodium.h>

void hex_format(Bytes bytes, char *ret_text)
{
        (void) sodium_bin2hex(ret_text, HEX_SIZE(bytes.size), bytes.data, bytes.size);
}

/* The value of each digit plus one; 0: not a digit. */
static const uint8_t digits[256] = {
        ['0'] = 1, ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
        ['8'] = 9, ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
};

int hex_decode(Bytes text, void *ret_bytes, size_t size)
{
        const uint8_t *at = text.data;
        uint8_t *bytes = ret_bytes;

        if (text.size != size * 2)
                return -EINVAL;

        for (size_t i = 0; i < size; i++, at += 2) {
                uint8_t high = digits[at[0]], low = digits[at[1]];

                if (high == 0 || low == 0)
                        return -EINVAL;
                bytes[i] = (uint8_t) ((high - 1) << 4 | (low - 1));
        }

        return 0;
}

int hex_parse(const char *text, void *ret_bytes, size_t size)
{
        return hex_decode(bytes_of_string(text), ret_bytes, size);
}

void base64_format(Bytes bytes, char *ret_text)
{
        (void) sodium_bin2base64(ret_text, BASE64_SIZE(bytes.size), bytes.data, bytes.size,
                                 sodium_base64_VARIANT_ORIGINAL);
}

void base64url_format(Bytes bytes, char *ret_text)
{
        (void) sodium_bin2base64(ret_text, BASE64_UNPADDED_SIZE(bytes.size), bytes.data, bytes.size,
                                 sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

void base64_unpadded_format(Bytes bytes, char *ret_text)
{
        (void) sodium_bin2base64(ret_text, BASE64_UNPADDED_SIZE(bytes.size), bytes.data, bytes.size,
                                 sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
}

/* libsodium rejects stray bits after the last byte, so each value has one spelling. Version 1.0.18 accepts
 * some bytes beyond ASCII as letters, so those are rejected here. */
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

int base64_unpadded_parse(const char *text, size_t max, uint8_t **ret_bytes, size_t *ret_size)
{
        return parse_variant(sodium_base64_VARIANT_ORIGINAL_NO_PADDING, text, max, ret_bytes, ret_size);
}
