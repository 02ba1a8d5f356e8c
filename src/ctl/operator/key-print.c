/* SPDX-License-Identifier: MIT */
/* A public key on standard output. */

#include "ctl/operator/key-print.h"

#include <stdio.h>

#include "codec/binary-text.h"
#include "crypto/fingerprint.h"
#include "ctl/print.h"

int operator_print_key(const Ctl *ctl, const PublicKey *key)
{
        char hex[HEX_SIZE(PUBLIC_KEY_SIZE)], words[FINGERPRINT_SIZE];
        _cleanup_(json_done) Json json = JSON_NULL;

        hex_format(BYTES_OF(key->bytes), hex);
        fingerprint_format(key, words);
        if (!ctl->json)
                return puts(hex) < 0 ? -errno : 0;

        json_open_object(&json, NULL);
        json_add_string(&json, "public", hex);
        json_add_string(&json, "words", words);
        json_close_object(&json);
        return print_json(&json);
}
