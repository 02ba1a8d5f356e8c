/* SPDX-License-Identifier: MIT */
/* An invitation: its encoding, and whether it is valid. */

#include "trust/token.h"

#include <sodium.h>

#include "basic/byte-reader.h"
#include "basic/sockaddr.h"
#include "codec/binary-text.h"
#include "proto/error.h"

#define TEXT_PREFIX "devbox1:"
#define VERSION     1

/* The fields of a fixed size, in order; the expiry is between them. */
static const struct {
        size_t offset, size;
} before_expiry[] = {
        { offsetof(Token, id), TOKEN_ID_SIZE },
        { offsetof(Token, secret), TOKEN_SECRET_SIZE },
}, after_expiry[] = {
        { offsetof(Token, root_sha256), SHA256_SIZE },
        { offsetof(Token, hub_claim_key), 32 },
        { offsetof(Token, hub_wireguard_key), 32 },
        { offsetof(Token, device_key_sha256), TOKEN_BINDING_SIZE },
};

void token_done(Token *token)
{
        sodium_memzero(token, sizeof *token);
}

/* A DNS name or an address; the resolver decides about the rest. */
static bool host_valid(const char *host)
{
        SockAddr address;

        if (strchr(host, ':'))
                return sockaddr_parse_host(host, &address) == 0;

        return *host != '\0' && strlen(host) <= TOKEN_HOST_MAX && *host != '-' && *host != '.' &&
               strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789.-") == strlen(host);
}

static bool token_valid(const Token *token)
{
        if (!label_valid(token->network) || !device_name_valid(token->device) || token->n_endpoints == 0 ||
            token->n_endpoints > TOKEN_ENDPOINTS_MAX)
                return false;

        for (size_t i = 0; i < token->n_endpoints; i++)
                if (!host_valid(token->endpoints[i].host) || token->endpoints[i].port == 0)
                        return false;

        return true;
}

/* All but the signature. */
static size_t format_body(const Token *token, uint8_t ret_bytes[static TOKEN_SIZE_MAX])
{
        const uint8_t *from = (const uint8_t *) token;
        uint8_t *at = ret_bytes;

        *at++ = VERSION;
        for (size_t i = 0; i < ELEMENTSOF(before_expiry); i++)
                at = put_bytes(at, from + before_expiry[i].offset, before_expiry[i].size);
        at = put_be32(at, token->expires_at_sec);
        for (size_t i = 0; i < ELEMENTSOF(after_expiry); i++)
                at = put_bytes(at, from + after_expiry[i].offset, after_expiry[i].size);

        at = put_text(at, token->network);
        at = put_text(at, token->device);
        *at++ = (uint8_t) token->n_endpoints;
        for (size_t i = 0; i < token->n_endpoints; i++) {
                at = put_text(at, token->endpoints[i].host);
                at = put_be16(at, token->endpoints[i].port);
        }

        return (size_t) (at - ret_bytes);
}

size_t token_format(const Token *token, uint8_t ret_bytes[static TOKEN_SIZE_MAX])
{
        size_t size = format_body(token, ret_bytes);

        (void) put_bytes(ret_bytes + size, token->signature.bytes, SIGNATURE_SIZE);
        return size + SIGNATURE_SIZE;
}

void token_text_format(const Token *token, char ret_text[static TOKEN_TEXT_SIZE_MAX])
{
        uint8_t bytes[TOKEN_SIZE_MAX];
        size_t size = token_format(token, bytes);

        memcpy(ret_text, TEXT_PREFIX, strlen(TEXT_PREFIX));
        base64url_format(BYTES(bytes, size), ret_text + strlen(TEXT_PREFIX));
        sodium_memzero(bytes, sizeof bytes);
}

int token_sign(Token *token, const KeyPair *key)
{
        uint8_t bytes[TOKEN_SIZE_MAX];

        if (!token_valid(token))
                return DEVBOX_ERROR_BAD_SCHEMA;

        size_t size = format_body(token, bytes);
        int r = dsse_sign(key, TOKEN_TYPE, BYTES(bytes, size), &token->signature);
        sodium_memzero(bytes, sizeof bytes);
        return r;
}

int token_parse(Bytes bytes, Token *ret_token)
{
        ByteReader reader = { bytes, false };
        uint8_t *to = (uint8_t *) ret_token, expiry[4], port[2];

        *ret_token = (Token){ 0 };
        if (byte_reader_take_byte(&reader) != VERSION)
                return DEVBOX_ERROR_BAD_ENVELOPE;
        for (size_t i = 0; i < ELEMENTSOF(before_expiry); i++)
                byte_reader_take(&reader, to + before_expiry[i].offset, before_expiry[i].size);
        byte_reader_take(&reader, expiry, sizeof expiry);
        ret_token->expires_at_sec = get_be32(expiry);
        for (size_t i = 0; i < ELEMENTSOF(after_expiry); i++)
                byte_reader_take(&reader, to + after_expiry[i].offset, after_expiry[i].size);

        byte_reader_take_text(&reader, ret_token->network, sizeof ret_token->network);
        byte_reader_take_text(&reader, ret_token->device, sizeof ret_token->device);
        ret_token->n_endpoints = byte_reader_take_byte(&reader);
        for (size_t i = 0; i < MIN(ret_token->n_endpoints, (size_t) TOKEN_ENDPOINTS_MAX); i++) {
                byte_reader_take_text(&reader, ret_token->endpoints[i].host,
                                      sizeof ret_token->endpoints[i].host);
                byte_reader_take(&reader, port, sizeof port);
                ret_token->endpoints[i].port = (uint16_t) (port[0] << 8 | port[1]);
        }
        byte_reader_take(&reader, ret_token->signature.bytes, SIGNATURE_SIZE);

        return byte_reader_is_done(&reader) && token_valid(ret_token) ? 0 : DEVBOX_ERROR_BAD_ENVELOPE;
}

int token_text_parse(const char *text, Token *ret_token)
{
        static const char blanks[] = " \t\r\n";
        char encoded[TOKEN_TEXT_SIZE_MAX] = "";
        uint8_t *bytes = NULL;
        size_t size;

        text += strspn(text, blanks);
        if (!startswith(text, TEXT_PREFIX))
                return DEVBOX_ERROR_BAD_ENVELOPE;
        text += strlen(TEXT_PREFIX);

        size_t length = strcspn(text, blanks);
        if (length >= sizeof encoded || text[length + strspn(text + length, blanks)] != '\0')
                return DEVBOX_ERROR_BAD_ENVELOPE;
        memcpy(encoded, text, length);

        int r = base64url_parse(encoded, TOKEN_SIZE_MAX, &bytes, &size);
        sodium_memzero(encoded, sizeof encoded);
        if (r < 0)
                return r == -ENOMEM ? r : DEVBOX_ERROR_BAD_ENVELOPE;

        r = token_parse(BYTES(bytes, size), ret_token);
        sodium_memzero(bytes, size);
        free(bytes);
        return r;
}

/* ---- judging */

static int verify_signature(const Root *root, const Token *token)
{
        KeySet keys = root_key_set(root, ROOT_ROLE_TOKEN);
        uint8_t bytes[TOKEN_SIZE_MAX], *pae;
        size_t pae_size;
        bool valid = false;

        int r = dsse_pae(TOKEN_TYPE, BYTES(bytes, format_body(token, bytes)), &pae, &pae_size);
        sodium_memzero(bytes, sizeof bytes);
        if (r < 0)
                return r;

        for (size_t i = 0; keys.threshold == 1 && i < MIN(keys.n_keys, (size_t) KEY_SET_MAX); i++)
                valid = valid || ed25519_verify(&keys.keys[i], BYTES(pae, pae_size), &token->signature);
        sodium_memzero(pae, pae_size);
        free(pae);
        return valid ? 0 : DEVBOX_ERROR_BAD_SIG;
}

int token_accept(const Root *root, const Sha256 *root_sha256, const Token *token, uint64_t now_ms)
{
        uint64_t expires_at_ms = token->expires_at_sec * UINT64_C(1000);

        int r = verify_signature(root, token);
        if (r != 0)
                return r;
        if (!streq(token->network, root->network) || !sha256_equal(&token->root_sha256, root_sha256))
                return DEVBOX_ERROR_BAD_SIG; /* signed for another network or root of the same operator */
        if (now_ms >= expires_at_ms)
                return DEVBOX_ERROR_TOKEN_EXPIRED;

        return expires_at_ms - now_ms > TOKEN_LIFE_MAX_MS ? DEVBOX_ERROR_NOT_YET_VALID : 0;
}

bool token_admits(const Token *token, const PublicKey *device_key)
{
        static const uint8_t any[TOKEN_BINDING_SIZE];
        Sha256 digest;

        sha256(BYTES(device_key->bytes, sizeof device_key->bytes), &digest);
        return sodium_memcmp(token->device_key_sha256, any, sizeof any) == 0 ||
               sodium_memcmp(token->device_key_sha256, digest.bytes, sizeof any) == 0;
}
