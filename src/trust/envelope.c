/* SPDX-License-Identifier: MIT */
/* The DSSE JSON envelope. */

#include "trust/envelope.h"

#include "codec/binary-text.h"
#include "proto/error.h"
#include "schema/schema.h"

/* The JSON form; envelope_parse() copies it to an Envelope. */
typedef struct WireSignature {
        Sha256 key_id;
        SchemaBlob signature;
} WireSignature;

typedef struct WireEnvelope {
        SchemaBlob payload;
        char *type;
        LIST_OF(WireSignature) signatures;
} WireEnvelope;

/* Base64 turns three bytes into four; the rest is keys, type and signatures. */
#define TEXT_MAX(payload) ((payload) / 3 * 4 + 4096)

static bool type_valid(const char *text)
{
        return strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789./+-") == strlen(text);
}

/* clang-format off */
static const SchemaField signature_fields[] = {
        { "keyid", SCHEMA_HEX, false, offsetof(WireSignature, key_id), .max = SHA256_SIZE },
        { "sig", SCHEMA_BASE64, true, offsetof(WireSignature, signature), SIGNATURE_SIZE, SIGNATURE_SIZE },
};
static const Schema signature_schema = { .size = sizeof(WireSignature), SCHEMA_TABLE(signature_fields) };

static const SchemaField wire_fields[] = {
        { "payloadType", SCHEMA_STRING,  true, offsetof(WireEnvelope, type), 1, ENVELOPE_TYPE_MAX,
          .valid = type_valid },
        { "payload", SCHEMA_BASE64, true, offsetof(WireEnvelope, payload), 0, ENVELOPE_PAYLOAD_MAX },
        { "signatures", SCHEMA_OBJECTS, true, offsetof(WireEnvelope, signatures), 1, ENVELOPE_SIGNATURES_MAX,
          .nested = &signature_schema },
};
/* clang-format on */

static const Schema wire_schema = { .size = sizeof(WireEnvelope),
                                    .max_bytes = TEXT_MAX(ENVELOPE_PAYLOAD_MAX),
                                    SCHEMA_TABLE(wire_fields) };

DEFINE_DOCUMENT(WireEnvelope, wire);

Envelope *envelope_free(Envelope *envelope)
{
        if (!envelope)
                return NULL;

        free(envelope->type);
        free(envelope->payload);
        free(envelope);
        return NULL;
}

int envelope_new(const char *type, Bytes payload, Envelope **ret_envelope)
{
        _cleanup_(envelope_freep) Envelope *envelope = NULL;

        if (strlen(type) > ENVELOPE_TYPE_MAX || !type_valid(type) || payload.size > ENVELOPE_PAYLOAD_MAX)
                return -EINVAL;

        envelope = calloc(1, sizeof *envelope);
        if (!envelope)
                return -ENOMEM;

        envelope->type = strdup(type);
        envelope->payload = malloc(payload.size + 1);
        if (!envelope->type || !envelope->payload)
                return -ENOMEM;

        *put_bytes(envelope->payload, payload.data, payload.size) = '\0';
        envelope->payload_size = payload.size;
        dsse_digest(type, payload, &envelope->digest);
        *ret_envelope = TAKE_PTR(envelope);
        return 0;
}

int envelope_parse(Bytes text, size_t max_payload, Envelope **ret_envelope)
{
        _cleanup_(envelope_freep) Envelope *envelope = NULL;
        _cleanup_(wire_freep) WireEnvelope *wire = NULL;

        if (text.size > TEXT_MAX(max_payload))
                return DEVBOX_ERROR_BAD_ENVELOPE;

        int r = wire_parse(text, &wire, NULL);
        if (r < 0)
                return r;
        if (r > 0 || wire->payload.size > max_payload)
                return DEVBOX_ERROR_BAD_ENVELOPE;

        r = envelope_new(wire->type, BYTES(wire->payload.data, wire->payload.size), &envelope);
        if (r < 0)
                return r;

        envelope->n_signatures = wire->signatures.n;
        for (size_t i = 0; i < wire->signatures.n; i++) {
                envelope->signatures[i].key_id = wire->signatures.items[i].key_id;
                memcpy(&envelope->signatures[i].signature, wire->signatures.items[i].signature.data,
                       SIGNATURE_SIZE);
        }

        *ret_envelope = TAKE_PTR(envelope);
        return 0;
}

int envelope_format(const Envelope *envelope, char **ret_text)
{
        WireSignature signatures[ENVELOPE_SIGNATURES_MAX];
        WireEnvelope wire = { .payload = { envelope->payload, envelope->payload_size },
                              .type = envelope->type,
                              .signatures = { signatures, envelope->n_signatures } };

        for (size_t i = 0; i < envelope->n_signatures; i++)
                signatures[i] = (WireSignature){
                        .key_id = envelope->signatures[i].key_id,
                        .signature = { (uint8_t *) envelope->signatures[i].signature.bytes, SIGNATURE_SIZE },
                };

        int r = wire_format(&wire, ret_text, NULL);
        return r > 0 ? -EINVAL : r;
}

int envelope_sign(Envelope *envelope, const char *role, const KeyPair *pair)
{
        EnvelopeSignature signature;
        size_t i;

        public_key_id(key_pair_public(pair), role, &signature.key_id);
        for (i = 0; i < envelope->n_signatures; i++)
                if (sha256_equal(&envelope->signatures[i].key_id, &signature.key_id))
                        break;
        if (i == ENVELOPE_SIGNATURES_MAX)
                return -ENOSPC;

        int r = dsse_sign(pair, envelope->type, envelope_payload(envelope), &signature.signature);
        if (r < 0)
                return r;

        envelope->signatures[i] = signature;
        envelope->n_signatures = MAX(envelope->n_signatures, i + 1);
        return 0;
}

/* The index of a key that verifies the signature and was not counted yet; the key of the key id is tried
 * first. -ENOENT: none. Sets `*known` when the key id is one of the set, or absent. */
static int find_signer(const EnvelopeSignature *signature, Bytes pae, const KeySet *keys, uint32_t counted,
                       bool *known)
{
        size_t n = MIN(keys->n_keys, (size_t) KEY_SET_MAX), hinted = n;
        bool hint = !sha256_is_null(&signature->key_id);

        for (size_t i = 0; hint && i < n; i++) {
                Sha256 id;

                public_key_id(&keys->keys[i], keys->role, &id);
                if (sha256_equal(&id, &signature->key_id))
                        hinted = i;
        }
        *known = *known || !hint || hinted < n;

        if (hinted < n && !(counted & UINT32_C(1) << hinted) &&
            ed25519_verify(&keys->keys[hinted], pae, &signature->signature))
                return (int) hinted;

        for (size_t i = 0; i < n; i++)
                if (i != hinted && !(counted & UINT32_C(1) << i) &&
                    ed25519_verify(&keys->keys[i], pae, &signature->signature))
                        return (int) i;

        return -ENOENT;
}

/* A key that is in the set twice counts once. */
static uint32_t same_keys(const KeySet *keys, size_t index)
{
        uint32_t same = 0;

        for (size_t i = 0; i < MIN(keys->n_keys, (size_t) KEY_SET_MAX); i++)
                if (public_key_equal(&keys->keys[i], &keys->keys[index]))
                        same |= UINT32_C(1) << i;

        return same;
}

int envelope_verify(const Envelope *envelope, const char *type, const KeySet *keys, uint32_t *ret_signers)
{
        _cleanup_(freep) uint8_t *pae = NULL;
        uint32_t signers = 0, counted = 0;
        bool known = false;
        size_t size, n = 0;

        if (!streq(envelope->type, type))
                return DEVBOX_ERROR_BAD_SIG; /* the type is part of what was signed */

        int r = dsse_pae(type, envelope_payload(envelope), &pae, &size);
        if (r < 0)
                return r;

        for (size_t i = 0; i < envelope->n_signatures; i++) {
                int signer = find_signer(&envelope->signatures[i], BYTES(pae, size), keys, counted, &known);

                if (signer < 0)
                        continue;
                signers |= UINT32_C(1) << signer;
                counted |= same_keys(keys, (size_t) signer);
                n++;
        }

        if (keys->threshold == 0 || n < keys->threshold)
                return known ? DEVBOX_ERROR_BAD_SIG : DEVBOX_ERROR_UNKNOWN_KEY;

        if (ret_signers)
                *ret_signers = signers;
        return 0;
}

int envelope_make(const char *type, const char *payload, const char *role, const KeyPair *pair,
                  char **ret_text)
{
        _cleanup_(envelope_freep) Envelope *envelope = NULL;

        int r = envelope_new(type, bytes_of_string(payload), &envelope);
        if (r < 0)
                return r;

        r = envelope_sign(envelope, role, pair);
        if (r < 0)
                return r;

        return envelope_format(envelope, ret_text);
}

int envelope_read(const char *text, const Schema *schema, void **ret_document)
{
        _cleanup_(envelope_freep) Envelope *envelope = NULL;

        int r = envelope_parse(bytes_of_string(text), ENVELOPE_PAYLOAD_MAX, &envelope);
        return r != 0 ? r : schema_parse(schema, envelope_payload(envelope), ret_document, NULL);
}
