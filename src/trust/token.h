/* SPDX-License-Identifier: MIT */
#pragma once

/* An invitation: with it a machine may ask to join, once, within ten minutes. It grants no capability; only
 * a manifest does. Signed by an operator key of the root's token role.
 *
 * Besides the envelope there is one line of text for QR codes and for pasting, with the same signatures:
 *
 *     devbox-token-1.<payload>.<signature>[.<signature>…]        (base64url without padding)
 */

#include "trust/root.h"

#define TOKEN_ID_SIZE     16
#define TOKEN_SECRET_SIZE 32
#define TOKEN_LIFE_MAX_MS (600 * 1000)
#define TOKEN_TEXT_MAX    4096

typedef struct TokenHub {
        uint8_t box_key[32]; /* X25519: the claim is sealed to it */
        uint8_t wireguard_key[32];
        LIST_OF(char *) endpoints; /* "host:port", "[address]:port" */
} TokenHub;

typedef struct Token {
        char *network;
        uint8_t id[TOKEN_ID_SIZE];
        uint8_t secret[TOKEN_SECRET_SIZE];
        int64_t issued_at_ms, expires_at_ms;
        TokenHub hub;
        char *device;             /* the name it will have */
        char *role;               /* a label */
        Sha256 manifest_sha256;   /* of the manifest template; zero = the operator signs one later */
        Sha256 root_sha256;       /* digest of the root to trust */
        Sha256 device_key_sha256; /* zero = any device; else only the one with this key */
} Token;

extern const Schema token_schema;

/* token_free() wipes the secret before it frees. */
int token_parse(Bytes text, Token **ret_token, SchemaFault *ret_fault);
int token_format(const Token *token, char **ret_text, SchemaFault *ret_fault);
Token *token_free(Token *token);
DEFINE_CLEANUP(Token, token_free);

/* The caller frees the text. Errors: -ENOMEM. */
int token_text_format(const Envelope *envelope, char **ret_text);

/* Errors: DEVBOX_ERROR_BAD_ENVELOPE, -ENOMEM. */
int token_text_parse(const char *text, Envelope **ret_envelope);

/* Verifies with the token role, parses, and checks the time. Single use is enforced by the hub's database.
 * Errors: DEVBOX_ERROR_BAD_SIG, _UNKNOWN_KEY, _BAD_SCHEMA, _TOKEN_EXPIRED, _NOT_YET_VALID; -ENOMEM. */
int token_accept(const Root *root, const Envelope *envelope, uint64_t now_ms, Token **ret_token);
