/* SPDX-License-Identifier: MIT */
/* A permit: its table, granting and opening it. */

#include "trust/permit.h"

#include "proto/error.h"
#include "proto/id.h"
#include "trust/ceiling.h"

#define ROLE  "device"
#define LABEL "devbox worker end v1"

#define AT(member) offsetof(Permit, member)

/* clang-format off */
static const SchemaField fields[] = {
        { "v",              SCHEMA_CONSTANT, true, .min = 1 },
        { "device",         SCHEMA_STRING,   true, AT(device), 1, 63, .valid = device_name_valid },
        { "request_sha256", SCHEMA_HEX,      true, AT(request_sha256), .max = SHA256_SIZE },
        { "worker_key",     SCHEMA_HEX,      true, AT(worker_key), .max = X25519_SIZE },
        { "ledger_key",     SCHEMA_HEX,      true, AT(ledger_key), .max = X25519_SIZE },
        { "capabilities",   SCHEMA_OBJECTS,  true, AT(capabilities), 1, 1, .nested = &capability_schema },
        { "roots",          SCHEMA_OBJECTS,  false, AT(roots), 0, 64, .nested = &path_root_schema },
};
/* clang-format on */

static const char *check(const void *object)
{
        const Permit *permit = object;

        return constraints_roots_known(&permit->capabilities.items[0].argv, &permit->roots)
                       ? NULL
                       : "names an unknown root";
}

const Schema permit_schema = {
        .size = sizeof(Permit), .max_bytes = PERMIT_MAX, SCHEMA_TABLE(fields), .check = check
};

/* Both sides derive the same, for this request only. Errors: -EBADMSG a key of small order; -ENOMEM. */
static int derive_end_key(const Secret *secret, const uint8_t other[static X25519_SIZE],
                          const Sha256 *request_sha256, Secret **ret_key)
{
        _cleanup_(secret_freep) Secret *shared = NULL;
        uint8_t info[sizeof LABEL + SHA256_SIZE], key[SHA256_SIZE];

        int r = x25519_agree(secret, other, &shared);
        if (r < 0)
                return r;

        put_bytes(put_bytes(info, LABEL, sizeof LABEL), request_sha256, SHA256_SIZE);
        hkdf_sha256(secret_bytes(shared), BYTES_OF(info), key, sizeof key);
        r = secret_new(key, sizeof key, ret_key);
        explicit_bzero(key, sizeof key);

        return r;
}

int permit_grant(const PermitGrant *grant, const KeyPair *device, char **ret_envelope, Secret **ret_end_key)
{
        _cleanup_(secret_freep) Secret *secret = NULL, *end_key = NULL;
        _cleanup_(freep) char *payload = NULL;
        Permit permit = {
                .device = (char *) grant->device,
                .request_sha256 = *grant->request_sha256,
                .capabilities = { .items = (Capability *) grant->capability, .n = 1 },
                .roots = *grant->roots,
        };

        memcpy(permit.worker_key, grant->worker_key, sizeof permit.worker_key);
        int r = x25519_generate(&secret, permit.ledger_key);
        if (r == 0)
                r = derive_end_key(secret, permit.worker_key, grant->request_sha256, &end_key);
        if (r < 0)
                return r == -EBADMSG ? DEVBOX_ERROR_BAD_REQUEST : r;

        r = permit_format(&permit, &payload, NULL);
        if (r == 0)
                r = envelope_make(ENVELOPE_PERMIT, payload, ROLE, device, ret_envelope);
        if (r != 0)
                return r;

        *ret_end_key = TAKE_PTR(end_key);
        return 0;
}

/* Verifies first, parses after. */
static int parse(Bytes text, const PublicKey *device, Permit **ret_permit)
{
        const KeySet keys = { .role = ROLE, .keys = device, .n_keys = 1, .threshold = 1 };
        _cleanup_(envelope_freep) Envelope *envelope = NULL;

        int r = envelope_parse(text, PERMIT_MAX, &envelope);
        if (r == 0)
                r = envelope_verify(envelope, ENVELOPE_PERMIT, &keys, NULL);
        if (r != 0)
                return r;

        return permit_parse(envelope_payload(envelope), ret_permit, NULL);
}

int permit_open(Bytes envelope, const PublicKey *device, const PermitWorker *worker, Permit **ret_permit,
                Secret **ret_end_key)
{
        _cleanup_(permit_freep) Permit *permit = NULL;

        int r = parse(envelope, device, &permit);
        if (r != 0)
                return r;
        if (memcmp(permit->worker_key, worker->key, sizeof permit->worker_key) != 0)
                return -EKEYREJECTED;

        r = derive_end_key(worker->secret, permit->ledger_key, &permit->request_sha256, ret_end_key);
        if (r < 0)
                return r == -EBADMSG ? -EKEYREJECTED : r;

        *ret_permit = TAKE_PTR(permit);
        return 0;
}

int permit_check(const Permit *permit, const PermitUse *use, SchemaFault *ret_fault)
{
        const Capability *capability = &permit->capabilities.items[0];
        /* The ceiling judges manifests; this one has the permitted entry only. */
        const Manifest manifest = {
                .capabilities = { .items = permit->capabilities.items, .n = 1 },
                .roots = permit->roots,
        };

        if (!sha256_equal(&permit->request_sha256, use->request_sha256) ||
            !streq(permit->device, use->request->device) || use->request->kind != capability->kind)
                return DEVBOX_ERROR_APPROVAL_MISMATCH;

        int r = capability_match(capability, &permit->roots, &use->request->arguments);
        return r != 0 ? r : ceiling_check(use->ceiling, &manifest, ret_fault);
}
