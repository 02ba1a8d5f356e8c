/* SPDX-License-Identifier: MIT */
#pragma once

/* Key agreement on Curve25519 (RFC 7748), by libsodium, and what protocols derive from its result: HMAC and
 * HKDF with SHA-256 (RFC 2104, RFC 5869). */

#include "crypto/secret.h"
#include "crypto/sha256.h"

#define X25519_SIZE     32
#define HKDF_OUTPUT_MAX (255 * SHA256_SIZE)

/* A random secret key and its public key. Errors: -ENOMEM. */
int x25519_generate(Secret **ret_secret, uint8_t ret_public[static X25519_SIZE]);
void x25519_public(const Secret *secret, uint8_t ret_public[static X25519_SIZE]);

/* Errors: -EBADMSG the other key has a small order, so that the result would be public;
 * -ENOMEM. */
int x25519_agree(const Secret *secret, const uint8_t other[static X25519_SIZE], Secret **ret_shared);

/* Whether the key has a large order. */
bool x25519_key_is_valid(const uint8_t key[static X25519_SIZE]);

/* Whether the key is the one encoding of its value: X25519 ignores the top bit and reduces modulo 2^255 -
 * 19, so that bytes that differ could be the same key. */
bool x25519_key_is_canonical(const uint8_t key[static X25519_SIZE]);

void hmac_sha256(Bytes key, Bytes message, Sha256 *ret_mac);

/* Compares in constant time. */
bool hmac_sha256_verify(Bytes key, Bytes message, const uint8_t mac[static SHA256_SIZE]);

/* Extract with an empty salt, then expand to `size` bytes, at most HKDF_OUTPUT_MAX. */
void hkdf_sha256(Bytes key, Bytes info, void *ret_bytes, size_t size);
