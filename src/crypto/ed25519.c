/* SPDX-License-Identifier: MIT */
/* Ed25519 keys and signatures, by libsodium. */

#include "crypto/ed25519.h"

#include <sodium.h>

struct KeyPair {
        PublicKey public;
        Secret *seed;
        Secret *secret; /* libsodium's 64 bytes: the seed and the public key */
};

KeyPair *key_pair_free(KeyPair *pair)
{
        if (!pair)
                return NULL;

        secret_free(pair->secret);
        secret_free(pair->seed);
        free(pair);
        return NULL;
}

int key_pair_from_seed(const Secret *seed, KeyPair **ret_pair)
{
        _cleanup_(key_pair_freep) KeyPair *pair = NULL;
        uint8_t secret[crypto_sign_SECRETKEYBYTES];
        Bytes bytes = secret_bytes(seed);

        if (bytes.size != KEY_SEED_SIZE)
                return -EINVAL;

        pair = calloc(1, sizeof *pair);
        if (!pair)
                return -ENOMEM;

        (void) crypto_sign_seed_keypair(pair->public.bytes, secret, bytes.data);
        int r = secret_new(secret, sizeof secret, &pair->secret);
        sodium_memzero(secret, sizeof secret);
        if (r < 0)
                return r;

        r = secret_new(bytes.data, bytes.size, &pair->seed);
        if (r < 0)
                return r;

        *ret_pair = TAKE_PTR(pair);
        return 0;
}

int key_pair_generate(KeyPair **ret_pair)
{
        _cleanup_(secret_freep) Secret *seed = NULL;

        int r = secret_new_random(KEY_SEED_SIZE, &seed);
        if (r < 0)
                return r;

        return key_pair_from_seed(seed, ret_pair);
}

const PublicKey *key_pair_public(const KeyPair *pair)
{
        return &pair->public;
}

const Secret *key_pair_seed(const KeyPair *pair)
{
        return pair->seed;
}

void ed25519_sign(const KeyPair *pair, Bytes message, Signature *ret_signature)
{
        (void) crypto_sign_detached(ret_signature->bytes, NULL, message.data, message.size,
                                    secret_bytes(pair->secret).data);
}

bool ed25519_verify(const PublicKey *key, Bytes message, const Signature *signature)
{
        if (sodium_init() < 0) /* who only verifies has had no other reason to */
                return false;

        return crypto_sign_verify_detached(signature->bytes, message.data, message.size, key->bytes) == 0;
}

bool public_key_is_valid(const PublicKey *key)
{
        return crypto_core_ed25519_is_valid_point(key->bytes) == 1;
}

bool public_key_equal(const PublicKey *a, const PublicKey *b)
{
        return memcmp(a, b, sizeof *a) == 0;
}

void public_key_id(const PublicKey *key, const char *role, Sha256 *ret_id)
{
        static const char domain[] = "DBX-KEY-v1"; /* its NUL is part of it */

        sha256_of_parts((Bytes[]){ BYTES(domain, sizeof domain), BYTES(role, strlen(role) + 1),
                                   BYTES_OF(key->bytes) },
                        3, ret_id);
}
