/* SPDX-License-Identifier: MIT */
/* Secret-key encryption, by libsodium. */

#include "crypto/secretbox.h"

#include <sodium.h>

#define NONCE_SIZE crypto_secretbox_xchacha20poly1305_NONCEBYTES

int secretbox_seal(const Secret *key, Bytes plain, uint8_t *ret_box)
{
        Bytes key_bytes = secret_bytes(key);

        if (key_bytes.size != SECRETBOX_KEY_SIZE)
                return -EINVAL;

        randombytes_buf(ret_box, NONCE_SIZE);
        (void) crypto_secretbox_xchacha20poly1305_easy(ret_box + NONCE_SIZE, plain.data, plain.size, ret_box,
                                                       key_bytes.data);
        return 0;
}

int secretbox_open_into(const Secret *key, Bytes box, void *ret_plain)
{
        Bytes key_bytes = secret_bytes(key);

        if (key_bytes.size != SECRETBOX_KEY_SIZE)
                return -EINVAL;
        if (box.size < SECRETBOX_OVERHEAD)
                return -EBADMSG;

        return crypto_secretbox_xchacha20poly1305_open_easy(ret_plain, box.data + NONCE_SIZE,
                                                            box.size - NONCE_SIZE, box.data,
                                                            key_bytes.data) == 0
                       ? 0
                       : -EBADMSG;
}

int secretbox_open(const Secret *key, Bytes box, Secret **ret_plain)
{
        size_t size = box.size - MIN(box.size, (size_t) SECRETBOX_OVERHEAD);
        uint8_t *plain = malloc(size + 1);
        if (!plain)
                return -ENOMEM;

        int r = secretbox_open_into(key, box, plain);
        if (r >= 0)
                r = secret_new(plain, size, ret_plain);
        sodium_memzero(plain, size);
        free(plain);
        return r;
}
