/* SPDX-License-Identifier: MIT */
#pragma once

/* Checks keys and messages before libolm reads them: strict base64, exact sizes, no public key of small
 * order, no signature whose scalar is not reduced (libolm accepts both, CVE-2024-45193). They know the
 * layout of the messages and nothing of their keys: what passes may still not decrypt.
 *
 * Source: the Olm and Megolm documents of the libolm repository, "Message format". */

#include "crypto/ed25519.h"

typedef enum OlmMessageType { OLM_MESSAGE_PREKEY = 0, OLM_MESSAGE_NORMAL = 1 } OlmMessageType;

/* What an event can hold at most; base64 of it is larger than the 65 536 bytes of an event. */
#define MESSAGE_SIZE_MAX ((size_t) 64 * 1024)

/* Unpadded base64 of exactly `size` bytes. Errors: -EBADMSG; -ENOMEM. */
int base64_decode_exact(const char *text, void *ret_bytes, size_t size);

/* A public key as text. Errors: -EBADMSG another length, small order; -ENOMEM. */
int curve25519_text_check(const char *text);
int ed25519_text_parse(const char *text, PublicKey *ret_key);

/* Errors: -EBADMSG; -ENOMEM. */
int olm_message_check(OlmMessageType type, const char *body);
int megolm_message_check(const char *body);
int megolm_session_key_check(const char *session_key);

/* libolm reads characters that are not base64 as if they were. Errors: as above. */
int pickle_check(const char *pickle);
