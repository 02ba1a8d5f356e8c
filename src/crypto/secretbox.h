/* SPDX-License-Identifier: MIT */
#pragma once

/* Bytes encrypted and authenticated under a 32-byte key: XChaCha20-Poly1305 with a random nonce in front, so
 * that one key can keep any number of them. Source: libsodium, crypto_secretbox_xchacha20poly1305. */

#include "crypto/secret.h"

#define SECRETBOX_KEY_SIZE 32
#define SECRETBOX_OVERHEAD (24 + 16)

/* Writes plain.size + SECRETBOX_OVERHEAD bytes. Errors: -EINVAL the key has another size. */
int secretbox_seal(const Secret *key, Bytes plain, uint8_t *ret_box);

/* Errors: -EBADMSG another key, or altered bytes; -EINVAL the key has another size; -ENOMEM. */
int secretbox_open(const Secret *key, Bytes box, Secret **ret_plain);

/* The same into box.size - SECRETBOX_OVERHEAD bytes of the caller, who wipes them: for many small secrets,
 * of which each Secret would take three pages. */
int secretbox_open_into(const Secret *key, Bytes box, void *ret_plain);
