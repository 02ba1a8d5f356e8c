/* SPDX-License-Identifier: MIT */
#pragma once

/* A secret sealed with a passphrase: argon2id makes the key, XChaCha20-Poly1305 keeps and authenticates. The
 * cost parameters travel in the sealed bytes, are authenticated with them, and are bounded when read, so
 * that a hostile file can neither weaken the next one nor take the machine's memory.
 *
 *         "DBXSEAL1"  u32 passes  u32 memory_kib  salt[16]  nonce[24]  ciphertext and tag
 */

#include "crypto/secret.h"

#include "basic/bytes.h"

#define SEAL_OVERHEAD (8 + 4 + 4 + 16 + 24 + 16)
#define SEAL_MAX      4096 /* bytes of secret; keys are 32 */

typedef struct SealCost {
        uint32_t passes;     /* 1..16 */
        uint32_t memory_kib; /* 8..1048576 */
} SealCost;

/* About a second on a small machine. Source: libsodium's "moderate" figures. */
#define SEAL_COST_DEFAULT ((SealCost){ .passes = 3, .memory_kib = 256 * 1024 })

/* The caller frees `ret_sealed`; it is secret->size + SEAL_OVERHEAD bytes. Errors: -ENOMEM; -EINVAL cost out
 * of range or the secret is larger than SEAL_MAX. */
int seal(const Secret *secret, const Secret *passphrase, SealCost cost, uint8_t **ret_sealed,
         size_t *ret_size);

/* Errors: -EBADMSG not sealed bytes, or their cost is out of range; -EACCES wrong passphrase or altered
 * bytes (which of both is not known); -ENOMEM. */
int unseal(Bytes sealed, const Secret *passphrase, Secret **ret_secret);
