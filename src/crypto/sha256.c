/* SPDX-License-Identifier: MIT */
/* SHA-256, by libsodium. */

#include "crypto/sha256.h"

#include <sodium.h>

_Static_assert(sizeof(crypto_hash_sha256_state) <= sizeof(Sha256State), "room for libsodium's state");

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

/* Copied in and out: the bytes of a Sha256State have no type that libsodium's could alias. */
void sha256_init(Sha256State *state)
{
        crypto_hash_sha256_state inner;

        (void) crypto_hash_sha256_init(&inner);
        memcpy(state->bytes, &inner, sizeof inner);
}

void sha256_update(Sha256State *state, Bytes data)
{
        crypto_hash_sha256_state inner;

        memcpy(&inner, state->bytes, sizeof inner);
        (void) crypto_hash_sha256_update(&inner, data.data, data.size);
        memcpy(state->bytes, &inner, sizeof inner);
}

void sha256_final(const Sha256State *state, Sha256 *ret_digest)
{
        crypto_hash_sha256_state inner;

        memcpy(&inner, state->bytes, sizeof inner);
        (void) crypto_hash_sha256_final(&inner, ret_digest->bytes);
}
