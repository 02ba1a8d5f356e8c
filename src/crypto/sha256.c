/* SPDX-License-Identifier: MIT */
/* SHA-256, by Nettle: it uses the processor's instructions for it, and libsodium has no such code. */

#include "crypto/sha256.h"

#include <nettle/sha2.h>

/* Macros of that header, which would rename what is defined here. */
#undef sha256_init
#undef sha256_update

_Static_assert(sizeof(struct sha256_ctx) <= sizeof(Sha256State), "room for Nettle's state");

void sha256(Bytes data, Sha256 *ret_digest)
{
        sha256_of_parts(&data, 1, ret_digest);
}

void sha256_of_parts(const Bytes *parts, size_t n_parts, Sha256 *ret_digest)
{
        struct sha256_ctx state;

        nettle_sha256_init(&state);
        for (size_t i = 0; i < n_parts; i++)
                nettle_sha256_update(&state, parts[i].size, parts[i].data);
        nettle_sha256_digest(&state, sizeof ret_digest->bytes, ret_digest->bytes);
}

/* Copied in and out: the bytes of a Sha256State have no type that Nettle's could alias. */
void sha256_init(Sha256State *state)
{
        struct sha256_ctx inner;

        nettle_sha256_init(&inner);
        memcpy(state->bytes, &inner, sizeof inner);
}

void sha256_update(Sha256State *state, Bytes data)
{
        struct sha256_ctx inner;

        memcpy(&inner, state->bytes, sizeof inner);
        nettle_sha256_update(&inner, data.size, data.data);
        memcpy(state->bytes, &inner, sizeof inner);
}

void sha256_final(const Sha256State *state, Sha256 *ret_digest)
{
        struct sha256_ctx inner;

        memcpy(&inner, state->bytes, sizeof inner);
        nettle_sha256_digest(&inner, sizeof ret_digest->bytes, ret_digest->bytes);
}
