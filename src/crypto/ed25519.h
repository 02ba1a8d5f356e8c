/* SPDX-License-Identifier: MIT */
#pragma once

/* Ed25519 keys and detached signatures (RFC 8032, by libsodium, which rejects malleable signatures and keys
 * of small order). The secret half is in guarded memory and leaves only as another Secret. Nothing here
 * signs bare bytes for others: use crypto/dsse.h, so that what is signed always carries its type. */

#include "crypto/secret.h"
#include "crypto/sha256.h"

#define PUBLIC_KEY_SIZE 32
#define SIGNATURE_SIZE  64
#define KEY_SEED_SIZE   32

typedef struct PublicKey {
        uint8_t bytes[PUBLIC_KEY_SIZE];
} PublicKey;

typedef struct Signature {
        uint8_t bytes[SIGNATURE_SIZE];
} Signature;

typedef struct KeyPair KeyPair;

/* Errors: -ENOMEM. From a seed also: -EINVAL, it is not KEY_SEED_SIZE bytes. */
int key_pair_generate(KeyPair **ret_pair);
int key_pair_from_seed(const Secret *seed, KeyPair **ret_pair);
KeyPair *key_pair_free(KeyPair *pair);
DEFINE_CLEANUP(KeyPair, key_pair_free);

const PublicKey *key_pair_public(const KeyPair *pair);

/* What key_pair_from_seed() takes: for sealing a key into a file. Borrowed from the pair. */
const Secret *key_pair_seed(const KeyPair *pair);

void ed25519_sign(const KeyPair *pair, Bytes message, Signature *ret_signature);
bool ed25519_verify(const PublicKey *key, Bytes message, const Signature *signature);

/* Whether these bytes are a point of the main subgroup: not all-zero, not of small order, canonical. */
bool public_key_is_valid(const PublicKey *key);
bool public_key_equal(const PublicKey *a, const PublicKey *b);

/* All zero bytes: where documents have no key. */
static inline bool public_key_is_null(const PublicKey *key)
{
        return public_key_equal(key, &(PublicKey){ { 0 } });
}

/* SHA-256("DBX-KEY-v1\0" role "\0" key): what an envelope names its signer by. A hint to save attempts; it
 * never decides whether a signature counts. */
void public_key_id(const PublicKey *key, const char *role, Sha256 *ret_id);
