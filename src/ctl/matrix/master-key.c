/* SPDX-License-Identifier: MIT */
/* The master key of a Matrix user, as people compare it. */

#include "ctl/matrix/master-key.h"

#define GROUP 4

static_assert((BASE64_UNPADDED_SIZE(PUBLIC_KEY_SIZE) - 2) / GROUP == PUBLIC_KEY_SIZE / 3, "room for blanks");

const char *master_key_format(const PublicKey *key, char ret_text[static MASTER_KEY_SIZE])
{
        char text[BASE64_UNPADDED_SIZE(PUBLIC_KEY_SIZE)], *to = ret_text;

        base64_unpadded_format(BYTES_OF(key->bytes), text);
        for (size_t i = 0; text[i] != '\0'; i++) {
                if (i > 0 && i % GROUP == 0)
                        *to++ = ' ';
                *to++ = text[i];
        }
        *to = '\0';
        return ret_text;
}

static int parse_base64(const char *text, PublicKey *ret_key)
{
        _cleanup_(freep) uint8_t *bytes = NULL;
        size_t size;

        int r = base64_unpadded_parse(text, PUBLIC_KEY_SIZE, &bytes, &size);
        if (r < 0)
                return r == -ENOMEM ? r : -EINVAL;
        if (size != PUBLIC_KEY_SIZE)
                return -EINVAL;

        memcpy(ret_key->bytes, bytes, PUBLIC_KEY_SIZE);
        return 0;
}

int master_key_parse(const char *text, PublicKey *ret_key)
{
        char compact[HEX_SIZE(PUBLIC_KEY_SIZE)];
        PublicKey key;
        size_t n = 0;

        for (; *text != '\0'; text++)
                if (*text != ' ') {
                        if (n + 1 == sizeof compact)
                                return -EINVAL;
                        compact[n++] = *text;
                }
        compact[n] = '\0';

        int r = hex_parse(compact, key.bytes, sizeof key.bytes);
        if (r < 0)
                r = parse_base64(compact, &key);
        if (r < 0)
                return r;
        if (!public_key_is_valid(&key))
                return -EINVAL;

        *ret_key = key;
        return 0;
}
