/* SPDX-License-Identifier: MIT */
/* X25519, HMAC-SHA256 and HKDF-SHA256, by libsodium (whose own HKDF is newer than 1.0.18). */

#include "crypto/x25519.h"

#include <sodium.h>

int x25519_generate(Secret **ret_secret, uint8_t ret_public[static X25519_SIZE])
{
        int r = secret_new_random(X25519_SIZE, ret_secret);
        if (r < 0)
                return r;

        x25519_public(*ret_secret, ret_public);
        return 0;
}

void x25519_public(const Secret *secret, uint8_t ret_public[static X25519_SIZE])
{
        (void) crypto_scalarmult_base(ret_public, secret_bytes(secret).data);
}

int x25519_agree(const Secret *secret, const uint8_t other[static X25519_SIZE], Secret **ret_shared)
{
        uint8_t shared[X25519_SIZE];

        if (crypto_scalarmult(shared, secret_bytes(secret).data, other) != 0)
                return -EBADMSG;

        int r = secret_new(shared, sizeof shared, ret_shared);
        sodium_memzero(shared, sizeof shared);
        return r;
}

bool x25519_key_is_valid(const uint8_t key[static X25519_SIZE])
{
        static const uint8_t scalar[X25519_SIZE] = {
                8
        }; /* any: the result of a small order is always zero */
        uint8_t product[X25519_SIZE];

        return crypto_scalarmult(product, scalar, key) == 0;
}

/* 2^255 - 19 is ed ff … ff 7f in little-endian order. */
bool x25519_key_is_canonical(const uint8_t key[static X25519_SIZE])
{
        size_t i = X25519_SIZE - 2;

        if (key[X25519_SIZE - 1] != 0x7f)
                return key[X25519_SIZE - 1] < 0x7f;
        while (i > 0 && key[i] == 0xff)
                i--;
        return i > 0 || key[0] < 0xed;
}

void hmac_sha256(Bytes key, Bytes message, Sha256 *ret_mac)
{
        crypto_auth_hmacsha256_state state;

        (void) crypto_auth_hmacsha256_init(&state, key.data, key.size);
        (void) crypto_auth_hmacsha256_update(&state, message.data, message.size);
        (void) crypto_auth_hmacsha256_final(&state, ret_mac->bytes);
        sodium_memzero(&state, sizeof state);
}

bool hmac_sha256_verify(Bytes key, Bytes message, const uint8_t mac[static SHA256_SIZE])
{
        Sha256 expected;

        hmac_sha256(key, message, &expected);
        return sodium_memcmp(expected.bytes, mac, sizeof expected.bytes) == 0;
}

void hkdf_sha256(Bytes key, Bytes info, void *ret_bytes, size_t size)
{
        static const uint8_t salt[SHA256_SIZE];
        uint8_t *out = ret_bytes, counter = 0;
        Sha256 extracted, block;

        assert(size <= HKDF_OUTPUT_MAX);
        hmac_sha256(BYTES_OF(salt), key, &extracted);

        for (size_t done = 0; done < size; done += MIN(size - done, sizeof block)) {
                crypto_auth_hmacsha256_state state;

                (void) crypto_auth_hmacsha256_init(&state, extracted.bytes, sizeof extracted);
                if (counter++ > 0)
                        (void) crypto_auth_hmacsha256_update(&state, block.bytes, sizeof block);
                (void) crypto_auth_hmacsha256_update(&state, info.data, info.size);
                (void) crypto_auth_hmacsha256_update(&state, &counter, 1);
                (void) crypto_auth_hmacsha256_final(&state, block.bytes);
                memcpy(out + done, block.bytes, MIN(size - done, sizeof block));
        }

        sodium_memzero(&extracted, sizeof extracted);
        sodium_memzero(&block, sizeof block);
}
