/* SPDX-License-Identifier: MIT */
/* The root: its table, and the rules by which one root follows another. */

#include "trust/root.h"

#include "proto/error.h"
#include "proto/id.h"

static const char *const role_names[_ROOT_ROLE_MAX] = {
        [ROOT_ROLE_ROOT] = "root",         [ROOT_ROLE_MANIFEST] = "manifest", [ROOT_ROLE_TOKEN] = "token",
        [ROOT_ROLE_APPROVAL] = "approval", [ROOT_ROLE_WITNESS] = "witness",
};

static const char *check(const void *object)
{
        const Root *root = object;

        if (root->expires_at_ms <= root->issued_at_ms)
                return "expires before it was issued";

        for (int role = 0; role < _ROOT_ROLE_MAX; role++) {
                const RootKeys *keys = &root->roles[role];

                if (keys->threshold > (int64_t) keys->keys.n)
                        return "has a role that needs more keys than it has";
                for (size_t i = 0; i < keys->keys.n; i++)
                        if (!public_key_is_valid(&keys->keys.items[i]))
                                return "has a key that is no usable Ed25519 key";
        }

        return NULL;
}

/* clang-format off */
static const SchemaField keys_fields[] = {
        { "threshold", SCHEMA_INTEGER, true, offsetof(RootKeys, threshold), 1, ROOT_KEYS_MAX },
        { "keys",      SCHEMA_DIGESTS, true, offsetof(RootKeys, keys),      1, ROOT_KEYS_MAX },
};
static const Schema keys_schema = { .size = sizeof(RootKeys), SCHEMA_TABLE(keys_fields) };

#define ROLE(name, required, role) \
        { name, SCHEMA_OBJECT, required, (role) * sizeof(RootKeys), .nested = &keys_schema }

static const SchemaField roles_fields[] = {
        ROLE("root",     true,  ROOT_ROLE_ROOT),
        ROLE("manifest", true,  ROOT_ROLE_MANIFEST),
        ROLE("token",    true,  ROOT_ROLE_TOKEN),
        ROLE("approval", false, ROOT_ROLE_APPROVAL),
        ROLE("witness",  false, ROOT_ROLE_WITNESS),
};
static const Schema roles_schema = { .size = sizeof(RootKeys) * _ROOT_ROLE_MAX, SCHEMA_TABLE(roles_fields) };

static const SchemaField fields[] = {
        { "v",          SCHEMA_CONSTANT, true, .min = 1 },
        { "network",    SCHEMA_STRING,   true, offsetof(Root, network), 1, 63, .valid = label_valid },
        { "version",    SCHEMA_INTEGER,  true, offsetof(Root, version), 1, INT32_MAX },
        { "epoch",      SCHEMA_INTEGER,  true, offsetof(Root, epoch), 1, INT32_MAX },
        { "issued_at",  SCHEMA_TIMESTAMP,  true, offsetof(Root, issued_at_ms), 0, SCHEMA_INTEGER_MAX },
        { "expires_at", SCHEMA_TIMESTAMP,  true, offsetof(Root, expires_at_ms), 0, SCHEMA_INTEGER_MAX },
        { "roles",      SCHEMA_OBJECT,   true, offsetof(Root, roles), .nested = &roles_schema },
};
/* clang-format on */

const Schema root_schema = {
        .size = sizeof(Root), .max_bytes = 64 * 1024, SCHEMA_TABLE(fields), .check = check
};

static_assert(sizeof(PublicKey) == 32, "SCHEMA_DIGESTS makes lists of 32 bytes");

const char *root_role_name(RootRole role)
{
        assert(role >= 0 && role < _ROOT_ROLE_MAX);
        return role_names[role];
}

KeySet root_key_set(const Root *root, RootRole role)
{
        const RootKeys *keys = &root->roles[role];

        return (KeySet){ .role = root_role_name(role),
                         .keys = keys->keys.items,
                         .n_keys = keys->keys.n,
                         .threshold = (size_t) keys->threshold };
}

bool root_has_key(const Root *root, RootRole role, const PublicKey *key)
{
        const RootKeys *keys = &root->roles[role];

        for (size_t i = 0; i < keys->keys.n; i++)
                if (public_key_equal(&keys->keys.items[i], key))
                        return true;

        return false;
}

/* DEVBOX_ERROR_ROOT_CHAIN whatever is wrong with the signatures. */
static int verify(const Envelope *envelope, const Root *by)
{
        KeySet keys = root_key_set(by, ROOT_ROLE_ROOT);

        int r = envelope_verify(envelope, ENVELOPE_ROOT, &keys, NULL);
        return r > 0 ? DEVBOX_ERROR_ROOT_CHAIN : r;
}

int root_accept_first(const Envelope *envelope, const Sha256 *pin, Root **ret_root)
{
        _cleanup_(root_freep) Root *root = NULL;

        if (!streq(envelope->type, ENVELOPE_ROOT) || (pin && !sha256_equal(pin, &envelope->digest)))
                return DEVBOX_ERROR_ROOT_CHAIN;

        int r = root_parse(envelope_payload(envelope), &root, NULL);
        if (r != 0)
                return r;

        r = verify(envelope, root);
        if (r != 0)
                return r;

        *ret_root = TAKE_PTR(root);
        return 0;
}

int root_accept_next(const Root *current, const Envelope *envelope, Root **ret_root)
{
        _cleanup_(root_freep) Root *next = NULL;

        int r = verify(envelope, current);
        if (r != 0)
                return r;

        r = root_parse(envelope_payload(envelope), &next, NULL);
        if (r != 0)
                return r;

        r = verify(envelope, next);
        if (r != 0)
                return r;

        if (next->version != current->version + 1 || !streq(next->network, current->network) ||
            next->epoch < current->epoch || next->epoch > current->epoch + 1)
                return DEVBOX_ERROR_ROOT_CHAIN;

        *ret_root = TAKE_PTR(next);
        return 0;
}

int root_check_expiry(const Root *root, uint64_t now_ms)
{
        return now_ms >= (uint64_t) root->expires_at_ms ? DEVBOX_ERROR_ROOT_EXPIRED : 0;
}
