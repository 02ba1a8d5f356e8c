/* SPDX-License-Identifier: MIT */
#pragma once

/* An invitation: with it a machine may ask to join a network, once, within ten minutes. It grants no
 * capability; only a manifest does. Signed by one operator key of the root's token role.
 *
 * It is binary, so that its QR code fits a terminal; integers are big-endian:
 *
 *     1 version (1) | 16 id | 32 secret | 4 expiry, seconds since 1970 | 32 digest of the root
 *     32 the hub's key for claims | 32 the hub's WireGuard key | 16 start of the device key's digest, or
 * zeros 1+n network | 1+n name of the device | 1 number of endpoints, each 1+n host, 2 port 64 signature
 * (Ed25519 over the DSSE encoding of TOKEN_TYPE and all before)
 *
 * As text it is "devbox1:" and base64url without padding: some 360 characters with one short endpoint. */

#include "proto/id.h"
#include "trust/root.h"

#define TOKEN_TYPE          "application/vnd.devbox.token.v1"
#define TOKEN_ID_SIZE       16
#define TOKEN_SECRET_SIZE   32
#define TOKEN_BINDING_SIZE  16
#define TOKEN_ENDPOINTS_MAX 4
#define TOKEN_HOST_MAX      63
#define TOKEN_LIFE_MAX_MS   (600 * 1000)

/* With every text and list at its longest. */
#define TOKEN_SIZE_MAX      (166 + 64 + 64 + TOKEN_ENDPOINTS_MAX * (TOKEN_HOST_MAX + 3) + SIGNATURE_SIZE)
#define TOKEN_TEXT_SIZE_MAX (8 + 4 * (TOKEN_SIZE_MAX + 2) / 3 + 1)

typedef struct TokenEndpoint {
        char host[TOKEN_HOST_MAX + 1]; /* a name or an address, without brackets */
        uint16_t port;
} TokenEndpoint;

typedef struct Token {
        uint8_t id[TOKEN_ID_SIZE];
        uint8_t secret[TOKEN_SECRET_SIZE];
        uint32_t expires_at_sec;
        Sha256 root_sha256;
        uint8_t hub_claim_key[32], hub_wireguard_key[32]; /* X25519 */
        uint8_t device_key_sha256[TOKEN_BINDING_SIZE]; /* zeros: any device; else only the one with this key
                                                        */
        char network[DEVICE_NAME_SIZE], device[DEVICE_NAME_SIZE];
        TokenEndpoint endpoints[TOKEN_ENDPOINTS_MAX];
        size_t n_endpoints;
        Signature signature;
} Token;

/* Wipes the secret. */
void token_done(Token *token);

/* Errors: DEVBOX_ERROR_BAD_SCHEMA a field cannot be encoded; -ENOMEM. */
int token_sign(Token *token, const KeyPair *key);

/* Each token has one encoding. It holds the secret: the caller wipes it. Returns the size. */
size_t token_format(const Token *token, uint8_t ret_bytes[static TOKEN_SIZE_MAX]);
void token_text_format(const Token *token, char ret_text[static TOKEN_TEXT_SIZE_MAX]);

/* Verifies nothing but the form. Blanks around the text are ignored. Errors: DEVBOX_ERROR_BAD_ENVELOPE;
 * -ENOMEM. `ret_token` is undefined then. */
int token_parse(Bytes bytes, Token *ret_token);
int token_text_parse(const char *text, Token *ret_token);

/* Whether the token is valid at `now_ms` under this root. Single use is enforced by the hub's database.
 * Errors: DEVBOX_ERROR_BAD_SIG no key of the token role signed it, or it names another root;
 * DEVBOX_ERROR_TOKEN_EXPIRED; DEVBOX_ERROR_NOT_YET_VALID it expires later than a new one could; -ENOMEM. */
int token_accept(const Root *root, const Sha256 *root_sha256, const Token *token, uint64_t now_ms);

/* Whether the device with this key may use it. */
bool token_admits(const Token *token, const PublicKey *device_key);
