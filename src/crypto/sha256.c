/* SPDX-License-Identifier: MIT */
/* SHA-256, by libsodium. */

#include "crypto/sha256.h"

#include <sodium.h>

void sha256(Bytes data, Sha256 *ret_digest)
{
        (void) crypto_hash_sha256(ret_digest->bytes, data.data, data.size);
}

void sha256_of_parts(const Bytes *parts, size_t n_parts, Sha256 *ret_digest)
{
        crypto_hash_sha256_state state;

        (void) crypto_hash_sha256_init(&state);
        for (size_t i = 0; i < n_parts; i++)
                (void) crypto_hash_sha256_update(&state, parts[i].data, parts[i].size);
        (void) crypto_hash_sha256_final(&state, ret_digest->bytes);
}
