/* SPDX-License-Identifier: MIT */
/* Public-key encryption without a sender, by libsodium. */

#include "crypto/sealed-box.h"

#include <sodium.h>

static_assert(SEALED_BOX_OVERHEAD == crypto_box_SEALBYTES, "the contract in sealed-box.h");

int sealed_box_seal(const uint8_t key[static X25519_SIZE], Bytes plain, uint8_t *ret_box)
{
        return crypto_box_seal(ret_box, plain.data, plain.size, key) == 0 ? 0 : -EBADMSG;
}

int sealed_box_open(const Secret *key, Bytes box, uint8_t *ret_plain)
{
        uint8_t public_key[X25519_SIZE];

        x25519_public(key, public_key);
        return crypto_box_seal_open(ret_plain, box.data, box.size, public_key, secret_bytes(key).data) == 0
                       ? 0
                       : -EBADMSG;
}
