/* SPDX-License-Identifier: MIT */
#pragma once

/* Bytes encrypted to the holder of an X25519 key by a sender without one: only the holder can open them, and
 * learns nothing about who sealed them. Source: libsodium, crypto_box_seal. */

#include "crypto/secret.h"
#include "crypto/x25519.h"

#define SEALED_BOX_OVERHEAD (32 + 16)

/* Writes plain.size + SEALED_BOX_OVERHEAD bytes. Errors: -EBADMSG the key has a small order. */
int sealed_box_seal(const uint8_t key[static X25519_SIZE], Bytes plain, uint8_t *ret_box);

/* Writes box.size - SEALED_BOX_OVERHEAD bytes. Errors: -EBADMSG sealed to another key, or altered. */
int sealed_box_open(const Secret *key, Bytes box, uint8_t *ret_plain);
