/* SPDX-License-Identifier: MIT */
#pragma once

/* Signatures inside JSON objects: {"signatures":{USER:{"ed25519:ID":SIGNATURE}}} over the canonical JSON of
 * all the rest but `unsigned`. Verified by libsodium, which rejects malleable signatures and keys of small
 * order. Source: Matrix specification, appendices, "Signing JSON". */

#include "crypto/ed25519.h"
#include "e2ee/json.h"
#include "e2ee/ratchet.h"

#define KEY_ID_SIZE 280 /* "ed25519:" and a device id or a key, with the NUL */

/* "ALGORITHM:ID". Errors: -EBADMSG the id is empty, or longer than 255 bytes as the specification allows. */
int key_id_format(const char *algorithm, const char *id, char ret_key_id[static KEY_ID_SIZE]);

/* Adds a signature by the device's own key, or by a cross-signing key, whose id is its public key. Errors:
 * -EBADMSG the object has no canonical form; -ENOMEM. */
int json_sign_by_account(cJSON *object, const char *user_id, const char *device_id, RatchetAccount *account);
int json_sign_by_pair(cJSON *object, const char *user_id, const KeyPair *pair);

/* Whether the object is signed by that key under the name ed25519:ID of the user; a key for `id` NULL is
 * named by itself. Errors: -ENOKEY there is no such signature; -EBADMSG it is wrong, or the key is, or there
 * is no canonical form; -ENOMEM. */
int json_verify(const cJSON *object, const char *user_id, const char *id, const char *ed25519);
