/* SPDX-License-Identifier: MIT */
/* An invitation: its table, its one-line spelling, and whether it counts. */

#include "trust/token.h"

#include <sodium.h>

#include "basic/text.h"
#include "codec/binary-text.h"
#include "proto/error.h"
#include "proto/id.h"

#define TEXT_PREFIX "devbox-token-1."

/* "host:port" or "[address]:port"; what it resolves to is for the mesh to find out. */
static bool endpoint_valid(const char *text)
{
        const char *colon = strrchr(text, ':');
        size_t digits = colon ? strspn(colon + 1, "0123456789") : 0;

        return colon && colon > text && digits > 0 && digits <= 5 && colon[1 + digits] == '\0' &&
               colon[1] != '0' &&
               strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:[]-") ==
                       strlen(text);
}

static const char *check(const void *object)
{
        const Token *token = object;

        return token->expires_at_ms > token->issued_at_ms &&
                               token->expires_at_ms - token->issued_at_ms <= TOKEN_LIFE_MAX_MS
                       ? NULL
                       : "must expire within ten minutes after it was issued";
}

#define AT(member) offsetof(Token, member)

/* clang-format off */
static const SchemaField hub_fields[] = {
        { "box_pub",   SCHEMA_HEX,     true, offsetof(TokenHub, box_key), .max = 32 },
        { "wg_pub",    SCHEMA_HEX,     true, offsetof(TokenHub, wireguard_key), .max = 32 },
        { "endpoints", SCHEMA_STRINGS, true, offsetof(TokenHub, endpoints), 1, 4, .valid = endpoint_valid },
};
static const Schema hub_schema = { .size = sizeof(TokenHub), SCHEMA_TABLE(hub_fields) };

static const SchemaField fields[] = {
        { "v",               SCHEMA_CONSTANT, true,  .min = 1 },
        { "network",         SCHEMA_STRING,   true,  AT(network), 1, 63, .valid = label_valid },
        { "id",              SCHEMA_HEX,      true,  AT(id), .max = TOKEN_ID_SIZE },
        { "secret",          SCHEMA_HEX,      true,  AT(secret), .max = TOKEN_SECRET_SIZE },
        { "issued_at",       SCHEMA_TIMESTAMP,  true,  AT(issued_at_ms), 0, SCHEMA_INTEGER_MAX },
        { "expires_at",      SCHEMA_TIMESTAMP,  true,  AT(expires_at_ms), 0, SCHEMA_INTEGER_MAX },
        { "hub",             SCHEMA_OBJECT,   true,  AT(hub), .nested = &hub_schema },
        { "device",          SCHEMA_STRING,   true,  AT(device), 1, 63, .valid = device_name_valid },
        { "role",            SCHEMA_STRING,   true,  AT(role), 1, 63, .valid = label_valid },
        { "manifest_sha256", SCHEMA_HEX,      false, AT(manifest_sha256), .max = SHA256_SIZE },
        { "root_sha256",     SCHEMA_HEX,      true,  AT(root_sha256), .max = SHA256_SIZE },
        { "dev_pub_sha256",  SCHEMA_HEX,      false, AT(device_key_sha256), .max = SHA256_SIZE },
};
/* clang-format on */

const Schema token_schema = {
        .size = sizeof(Token), .max_bytes = 2048, SCHEMA_TABLE(fields), .check = check
};

int token_parse(Bytes text, Token **ret_token, SchemaFault *ret_fault)
{
        return schema_parse(&token_schema, text, (void **) ret_token, ret_fault);
}

int token_format(const Token *token, char **ret_text, SchemaFault *ret_fault)
{
        return schema_format(&token_schema, token, ret_text, ret_fault);
}

Token *token_free(Token *token)
{
        if (token)
                sodium_memzero(token->secret, sizeof token->secret);

        return schema_free(&token_schema, token);
}

static int append_base64url(Text *text, Bytes bytes)
{
        _cleanup_(freep) char *more = malloc(BASE64_SIZE(bytes.size));
        if (!more)
                return -ENOMEM;

        base64url_format(bytes, more);
        text_append(text, more);
        return 0;
}

int token_text_format(const Envelope *envelope, char **ret_text)
{
        _cleanup_(text_done) Text text = TEXT_NULL;

        text_append(&text, TEXT_PREFIX);
        int r = append_base64url(&text, envelope_payload(envelope));
        for (size_t i = 0; r == 0 && i < envelope->n_signatures; i++) {
                text_append(&text, ".");
                r = append_base64url(&text, BYTES_OF(envelope->signatures[i].signature.bytes));
        }
        if (r < 0)
                return r;

        return text_take(&text, ret_text, NULL);
}

/* -EINVAL for whatever is no token. */
static int read_signature(const char *part, Envelope *envelope)
{
        _cleanup_(freep) uint8_t *bytes = NULL;
        size_t size;

        if (envelope->n_signatures == ENVELOPE_SIGNATURES_MAX)
                return -EINVAL;

        int r = base64url_parse(part, SIGNATURE_SIZE, &bytes, &size);
        if (r < 0)
                return r == -ENOMEM ? r : -EINVAL;
        if (size != SIGNATURE_SIZE)
                return -EINVAL;

        EnvelopeSignature *signature = &envelope->signatures[envelope->n_signatures++];
        *signature = (EnvelopeSignature){ 0 };
        memcpy(signature->signature.bytes, bytes, SIGNATURE_SIZE);
        return 0;
}

static int read_parts(char *parts, Envelope **ret_envelope)
{
        _cleanup_(envelope_freep) Envelope *envelope = NULL;
        _cleanup_(freep) uint8_t *payload = NULL;
        size_t size;

        int r = base64url_parse(strsep(&parts, "."), token_schema.max_bytes, &payload, &size);
        if (r < 0)
                return r == -ENOMEM ? r : -EINVAL;

        r = envelope_new(ENVELOPE_TOKEN, BYTES(payload, size), &envelope);
        if (r < 0)
                return r;

        while (parts) {
                r = read_signature(strsep(&parts, "."), envelope);
                if (r < 0)
                        return r;
        }
        if (envelope->n_signatures == 0)
                return -EINVAL;

        *ret_envelope = TAKE_PTR(envelope);
        return 0;
}

int token_text_parse(const char *text, Envelope **ret_envelope)
{
        if (!startswith(text, TEXT_PREFIX) || strlen(text) > TOKEN_TEXT_MAX)
                return DEVBOX_ERROR_BAD_ENVELOPE;

        _cleanup_(freep) char *copy = strdup(text + strlen(TEXT_PREFIX));
        if (!copy)
                return -ENOMEM;

        int r = read_parts(copy, ret_envelope);
        return r == -EINVAL ? DEVBOX_ERROR_BAD_ENVELOPE : r;
}

int token_accept(const Root *root, const Envelope *envelope, uint64_t now_ms, Token **ret_token)
{
        _cleanup_(token_freep) Token *token = NULL;
        KeySet keys = root_key_set(root, ROOT_ROLE_TOKEN);

        int r = envelope_verify(envelope, ENVELOPE_TOKEN, &keys, NULL);
        if (r != 0)
                return r;

        r = token_parse(envelope_payload(envelope), &token, NULL);
        if (r != 0)
                return r;

        if (!streq(token->network, root->network))
                return DEVBOX_ERROR_BAD_SIG; /* signed for another network of the same operator */
        if (now_ms >= (uint64_t) token->expires_at_ms)
                return DEVBOX_ERROR_TOKEN_EXPIRED;
        if (now_ms + TOKEN_LIFE_MAX_MS < (uint64_t) token->issued_at_ms)
                return DEVBOX_ERROR_NOT_YET_VALID;

        *ret_token = TAKE_PTR(token);
        return 0;
}
