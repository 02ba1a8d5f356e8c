/* SPDX-License-Identifier: MIT */
/* A secret sealed with a passphrase: argon2id and XChaCha20-Poly1305, by libsodium. */

#include "crypto/seal.h"

#include <sodium.h>

#define MAGIC       "DBXSEAL1"
#define MAGIC_SIZE  8
#define SALT_SIZE   crypto_pwhash_SALTBYTES
#define NONCE_SIZE  crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_SIZE    crypto_aead_xchacha20poly1305_ietf_ABYTES
#define HEADER_SIZE (MAGIC_SIZE + 4 + 4 + SALT_SIZE + NONCE_SIZE)

static_assert(HEADER_SIZE + TAG_SIZE == SEAL_OVERHEAD, "the contract in seal.h");

static bool cost_in_range(SealCost cost)
{
        return cost.passes >= 1 && cost.passes <= 16 && cost.memory_kib >= 8 &&
               cost.memory_kib <= 1024 * 1024;
}

/* Guarded memory for the key; the caller frees it with sodium_free(). NULL: not enough memory. */
static uint8_t *derive_key(const Secret *passphrase, SealCost cost, const uint8_t salt[SALT_SIZE])
{
        Bytes phrase = secret_bytes(passphrase);

        uint8_t *key = sodium_malloc(crypto_aead_xchacha20poly1305_ietf_KEYBYTES);
        if (!key)
                return NULL;

        if (crypto_pwhash(key, crypto_aead_xchacha20poly1305_ietf_KEYBYTES, (const char *) phrase.data,
                          phrase.size, salt, cost.passes, (size_t) cost.memory_kib * 1024,
                          crypto_pwhash_ALG_ARGON2ID13) < 0) {
                sodium_free(key);
                return NULL;
        }

        return key;
}

int seal(const Secret *secret, const Secret *passphrase, SealCost cost, uint8_t **ret_sealed,
         size_t *ret_size)
{
        Bytes plain = secret_bytes(secret);

        if (!cost_in_range(cost) || plain.size > SEAL_MAX)
                return -EINVAL;

        uint8_t *sealed = malloc(plain.size + SEAL_OVERHEAD);
        if (!sealed)
                return -ENOMEM;

        uint8_t *at = put_bytes(sealed, MAGIC, MAGIC_SIZE);
        at = put_be32(at, cost.passes);
        at = put_be32(at, cost.memory_kib);
        uint8_t *salt = at, *nonce = at + SALT_SIZE;
        randombytes_buf(salt, SALT_SIZE + NONCE_SIZE);

        uint8_t *key = derive_key(passphrase, cost, salt);
        if (!key) {
                free(sealed);
                return -ENOMEM;
        }

        (void) crypto_aead_xchacha20poly1305_ietf_encrypt(sealed + HEADER_SIZE, NULL, plain.data, plain.size,
                                                          sealed, HEADER_SIZE, NULL, nonce, key);
        sodium_free(key);

        *ret_sealed = sealed;
        *ret_size = plain.size + SEAL_OVERHEAD;
        return 0;
}

int unseal(Bytes sealed, const Secret *passphrase, Secret **ret_secret)
{
        uint8_t plain[SEAL_MAX];
        SealCost cost;

        if (sealed.size < SEAL_OVERHEAD || sealed.size > SEAL_MAX + SEAL_OVERHEAD ||
            memcmp(sealed.data, MAGIC, MAGIC_SIZE) != 0)
                return -EBADMSG;

        cost.passes = get_be32(sealed.data + MAGIC_SIZE);
        cost.memory_kib = get_be32(sealed.data + MAGIC_SIZE + 4);
        if (!cost_in_range(cost))
                return -EBADMSG;

        const uint8_t *salt = sealed.data + MAGIC_SIZE + 8, *nonce = salt + SALT_SIZE;
        uint8_t *key = derive_key(passphrase, cost, salt);
        if (!key)
                return -ENOMEM;

        int r = crypto_aead_xchacha20poly1305_ietf_decrypt(plain, NULL, NULL, sealed.data + HEADER_SIZE,
                                                           sealed.size - HEADER_SIZE, sealed.data,
                                                           HEADER_SIZE, nonce, key);
        sodium_free(key);
        if (r < 0)
                return -EACCES;

        r = secret_new(plain, sealed.size - SEAL_OVERHEAD, ret_secret);
        sodium_memzero(plain, sizeof plain);
        return r;
}
