/* SPDX-License-Identifier: MIT */
/* SipHash-2-4, by libsodium. */

#include "crypto/siphash.h"

#include <sodium.h>

void sip_key_make(SipKey *ret_key)
{
        randombytes_buf(ret_key->bytes, sizeof ret_key->bytes);
}

uint64_t siphash(const SipKey *key, Bytes data)
{
        uint64_t hash;

        static_assert(sizeof hash == crypto_shorthash_siphash24_BYTES, "another SipHash");
        static_assert(sizeof key->bytes == crypto_shorthash_siphash24_KEYBYTES, "another SipHash");
        (void) crypto_shorthash_siphash24((uint8_t *) &hash, data.data, data.size, key->bytes);
        return le64toh(hash);
}
