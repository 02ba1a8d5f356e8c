/* SPDX-License-Identifier: MIT */
#pragma once

/* The DSSE JSON envelope of every signed document, on the wire and on disk:
 *
 *     {"payloadType":"application/vnd.devbox.request.v1+json","payload":"<base64>",
 *      "signatures":[{"keyid":"<hex>","sig":"<base64>"}]}
 *
 * Parsing verifies nothing. The payload is opaque until envelope_verify() succeeds; only then may it be
 * parsed. */

#include "crypto/dsse.h"
#include "schema/schema.h"

#define ENVELOPE_TYPE(document) "application/vnd.devbox." document ".v1+json"

#define ENVELOPE_ROOT       ENVELOPE_TYPE("root")
#define ENVELOPE_MANIFEST   ENVELOPE_TYPE("manifest")
#define ENVELOPE_REQUEST    ENVELOPE_TYPE("request")
#define ENVELOPE_DELIVERY   ENVELOPE_TYPE("delivery")
#define ENVELOPE_APPROVAL   ENVELOPE_TYPE("approval")
#define ENVELOPE_RESULT     ENVELOPE_TYPE("result")
#define ENVELOPE_CHECKPOINT "application/vnd.devbox.checkpoint.v1" /* text, not JSON */

#define ENVELOPE_TYPE_MAX       96
#define ENVELOPE_PAYLOAD_MAX    (512 * 1024)
#define ENVELOPE_SIGNATURES_MAX 8
#define KEY_SET_MAX             32

typedef struct EnvelopeSignature {
        Sha256 key_id; /* all zero: absent */
        Signature signature;
} EnvelopeSignature;

typedef struct Envelope {
        char *type;
        uint8_t *payload;
        size_t payload_size;
        Sha256 digest; /* of type and payload, not of the signatures: identifies the document */
        EnvelopeSignature signatures[ENVELOPE_SIGNATURES_MAX];
        size_t n_signatures;
} Envelope;

/* The keys that may sign, and how many distinct ones must. Borrowed. `role` is only used for key ids. An
 * empty set, or a threshold of 0, verifies nothing. */
typedef struct KeySet {
        const char *role;
        const PublicKey *keys;
        size_t n_keys; /* beyond KEY_SET_MAX they are ignored */
        size_t threshold;
} KeySet;

/* Copies type and payload. Errors: -EINVAL type or payload too long; -ENOMEM. */
int envelope_new(const char *type, Bytes payload, Envelope **ret_envelope);
Envelope *envelope_free(Envelope *envelope);
DEFINE_CLEANUP(Envelope, envelope_free);

/* Errors: DEVBOX_ERROR_BAD_ENVELOPE (also a payload of more than `max_payload` bytes); -ENOMEM. */
int envelope_parse(Bytes text, size_t max_payload, Envelope **ret_envelope);

/* The caller frees the text. Errors: -ENOMEM. */
int envelope_format(const Envelope *envelope, char **ret_text);

/* Adds a signature; a second one by the same key replaces the first. Errors: -ENOSPC; -ENOMEM. */
int envelope_sign(Envelope *envelope, const char *role, const KeyPair *pair);

/* Whether the type is `type` and enough distinct keys of the set signed. `ret_signers` (may be NULL) has bit
 * i set for keys[i]. Errors: DEVBOX_ERROR_UNKNOWN_KEY there are signatures, but every key id names a key
 * that is not in the set; DEVBOX_ERROR_BAD_SIG otherwise; -ENOMEM. */
int envelope_verify(const Envelope *envelope, const char *type, const KeySet *keys, uint32_t *ret_signers);

static inline Bytes envelope_payload(const Envelope *envelope)
{
        return BYTES(envelope->payload, envelope->payload_size);
}

/* Signs a payload in one step: new, sign, format. Errors: -EINVAL, -ENOMEM. */
int envelope_make(const char *type, const char *payload, const char *role, const KeyPair *pair,
                  char **ret_text);

/* The document in the text of an envelope, without verifying it: where that was done before. Errors: those
 * of envelope_parse() and schema_parse(). */
int envelope_read(const char *text, const Schema *schema, void **ret_document);

/* Defines, beside what DEFINE_DOCUMENT() does, name_read(), which is envelope_read(). */
#define DEFINE_SIGNED_DOCUMENT(Type, name)                                                                  \
        DEFINE_DOCUMENT(Type, name);                                                                        \
        static inline _unused_ int name##_read(const char *envelope, Type **ret)                            \
        {                                                                                                   \
                return envelope_read(envelope, &name##_schema, (void **) ret);                              \
        }                                                                                                   \
        struct _need_semicolon_
