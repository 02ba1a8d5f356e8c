/* SPDX-License-Identifier: MIT */
/* The manifest: its tables, and the rules across them. A device accepts one in manifest-accept.c. */

#include "trust/manifest.h"

#include "proto/error.h"
#include "proto/id.h"

#define LIFE_MAX_MS ((int64_t) 366 * 24 * 3600 * 1000)
#define PEOPLE_MAX  32
#define KEYS_MAX    16 /* dispatchers, attesters: below KEY_SET_MAX */

#define AT(type, member) offsetof(type, member)
#define KEY(type, name, required)                                                                           \
        {                                                                                                   \
                name, SCHEMA_HEX, required, AT(type, key), .max = PUBLIC_KEY_SIZE                           \
        }
#define PRINCIPAL(type)                                                                                     \
        {                                                                                                   \
                "mxid", SCHEMA_STRING, true, AT(type, principal), 1, 255, .valid = principal_valid          \
        }
#define PERSON(type)                                                                                        \
        {                                                                                                   \
                "person", SCHEMA_STRING, false, AT(type, person), 1, 63, .valid = label_valid               \
        }
#define NOT_AFTER(type)                                                                                     \
        {                                                                                                   \
                "not_after", SCHEMA_TIMESTAMP, true, AT(type, not_after_ms), 0, SCHEMA_INTEGER_MAX          \
        }

#define MASTER_KEY(type)                                                                                    \
        {                                                                                                   \
                "msk", SCHEMA_HEX, false, AT(type, master_key), .max = PUBLIC_KEY_SIZE                      \
        }

/* clang-format off */
static const SchemaField operator_fields[] = { PRINCIPAL(ManifestOperator), PERSON(ManifestOperator),
                                               MASTER_KEY(ManifestOperator) };
static const SchemaField approver_fields[] = { PRINCIPAL(ManifestApprover), PERSON(ManifestApprover),
                                               KEY(ManifestApprover, "pub", false),
                                               MASTER_KEY(ManifestApprover) };
static const SchemaField dispatcher_fields[] = {
        KEY(ManifestDispatcher, "pub", true),
        NOT_AFTER(ManifestDispatcher),
        { "capabilities", SCHEMA_STRINGS, false, AT(ManifestDispatcher, capabilities), 1, 256,
          .valid = label_valid },
};
static const SchemaField attester_fields[] = {
        KEY(ManifestAttester, "pub", true),
        NOT_AFTER(ManifestAttester),
};
static const SchemaField limits_fields[] = {
        { "skew_s", SCHEMA_INTEGER, false, AT(ManifestLimits, skew_s), 1, 300, .fallback = 30 },
        { "stale_max_s", SCHEMA_INTEGER, false, AT(ManifestLimits, stale_max_s), 60, 2592000,
          .fallback = 86400 },
};

static const char *check_master_key(const PublicKey *master_key, const char *principal)
{
        return public_key_is_null(master_key) || principal_is_matrix(principal)
                       ? NULL
                       : "has an msk, which only a Matrix user has";
}

static const char *check_operator(const void *object)
{
        const ManifestOperator *person = object;

        return check_master_key(&person->master_key, person->principal);
}

static const char *check_approver(const void *object)
{
        const ManifestApprover *person = object;

        return check_master_key(&person->master_key, person->principal);
}

static const Schema operator_schema = { .size = sizeof(ManifestOperator),
                                        SCHEMA_TABLE(operator_fields),
                                        .check = check_operator };
static const Schema approver_schema = { .size = sizeof(ManifestApprover),
                                        SCHEMA_TABLE(approver_fields),
                                        .check = check_approver };
static const Schema dispatcher_schema = { .size = sizeof(ManifestDispatcher),
                                          SCHEMA_TABLE(dispatcher_fields) };
static const Schema attester_schema = { .size = sizeof(ManifestAttester), SCHEMA_TABLE(attester_fields) };
static const Schema limits_schema = { .size = sizeof(ManifestLimits), SCHEMA_TABLE(limits_fields) };

#define PEOPLE \
        { "operators", SCHEMA_OBJECTS, true, AT(Manifest, operators), 0, PEOPLE_MAX, \
          .nested = &operator_schema }, \
        { "approvers", SCHEMA_OBJECTS, true, AT(Manifest, approvers), 0, PEOPLE_MAX, \
          .nested = &approver_schema }
#define RULES \
        { "limits", SCHEMA_OBJECT, false, AT(Manifest, limits), .nested = &limits_schema }, \
        { "roots", SCHEMA_OBJECTS, false, AT(Manifest, roots), 0, 64, .nested = &path_root_schema }, \
        { "capabilities",SCHEMA_OBJECTS, true, AT(Manifest, capabilities), 0, 256, \
          .nested = &capability_schema }

static const SchemaField fields[] = {
        { "v", SCHEMA_CONSTANT, true, .min = 1 },
        { "device", SCHEMA_STRING, true, AT(Manifest, device), 1, 63, .valid = device_name_valid },
        { "dev_pub", SCHEMA_HEX, true, AT(Manifest, device_key), .max = PUBLIC_KEY_SIZE },
        { "epoch", SCHEMA_INTEGER, true, AT(Manifest, epoch), 1, INT32_MAX },
        { "version", SCHEMA_INTEGER, true, AT(Manifest, version), 1, MANIFEST_TOMBSTONE },
        { "prev_sha256", SCHEMA_HEX, false, AT(Manifest, previous), .max = SHA256_SIZE },
        { "issued_at", SCHEMA_TIMESTAMP, true, AT(Manifest, issued_at_ms), 0, SCHEMA_INTEGER_MAX },
        { "expires_at", SCHEMA_TIMESTAMP, true, AT(Manifest, expires_at_ms), 0, SCHEMA_INTEGER_MAX },
        PEOPLE,
        { "dispatchers", SCHEMA_OBJECTS, true, AT(Manifest, dispatchers), 0, KEYS_MAX,
          .nested = &dispatcher_schema },
        { "attesters", SCHEMA_OBJECTS, true, AT(Manifest, attesters), 0, KEYS_MAX,
          .nested = &attester_schema },
        RULES,
};
static const SchemaField policy_fields[] = { PEOPLE, RULES };
/* clang-format on */

static const char *check_people(const Manifest *manifest)
{
        for (size_t i = 0; i < manifest->operators.n; i++) {
                const ManifestOperator *person = &manifest->operators.items[i];

                if (manifest_find_operator(manifest, person->principal) != person)
                        return "names an operator twice";
        }

        for (size_t i = 0; i < manifest->approvers.n; i++) {
                const ManifestApprover *person = &manifest->approvers.items[i];

                if (manifest_find_approver(manifest, person->principal) != person)
                        return "names an approver twice";

                const ManifestOperator *same = manifest_find_operator(manifest, person->principal);
                if (same && !streq(strempty(same->person), strempty(person->person)))
                        return "has a principal of two persons";
                if (same && !public_key_is_null(&person->master_key) &&
                    !public_key_equal(&person->master_key, &same->master_key))
                        return "has an approver with another msk than the same operator";
        }

        return NULL;
}

/* The keys that are set, each with the reason for when it is there a second time: who signs in one role must
 * not pass for another, nor count twice. */
typedef struct KeyTable {
        struct {
                const PublicKey *key;
                const char *twice;
        } rows[1 + 3 * PEOPLE_MAX + 2 * KEYS_MAX];
        size_t n;
} KeyTable;

static void add_key(KeyTable *table, const PublicKey *key, const char *twice)
{
        table->rows[table->n].key = key;
        table->rows[table->n++].twice = twice;
}

static void collect_keys(const Manifest *manifest, KeyTable *table)
{
        table->n = 0;
        add_key(table, &manifest->device_key, NULL);
        for (size_t i = 0; i < manifest->dispatchers.n; i++)
                add_key(table, &manifest->dispatchers.items[i].key, "has the key of a dispatcher twice");
        for (size_t i = 0; i < manifest->attesters.n; i++)
                add_key(table, &manifest->attesters.items[i].key, "has the key of an attester twice");
        for (size_t i = 0; i < manifest->approvers.n; i++)
                if (!public_key_is_null(&manifest->approvers.items[i].key))
                        add_key(table, &manifest->approvers.items[i].key,
                                "has the key of an approver twice");
        for (size_t i = 0; i < manifest->approvers.n; i++) {
                const ManifestApprover *person = &manifest->approvers.items[i];

                if (!public_key_is_null(&person->master_key) &&
                    !manifest_find_operator(manifest, person->principal)) /* whose msk it has */
                        add_key(table, &person->master_key, "has the key of an approver twice");
        }
        for (size_t i = 0; i < manifest->operators.n; i++)
                if (!public_key_is_null(&manifest->operators.items[i].master_key))
                        add_key(table, &manifest->operators.items[i].master_key,
                                "has the key of an operator twice");
}

static const char *check_keys(const Manifest *manifest)
{
        KeyTable table;

        collect_keys(manifest, &table);
        for (size_t i = 0; i < table.n; i++) {
                if (!public_key_is_valid(table.rows[i].key))
                        return "has a key that is no usable Ed25519 key";
                for (size_t j = 0; j < i; j++)
                        if (public_key_equal(table.rows[i].key, table.rows[j].key))
                                return table.rows[i].twice;
        }

        return NULL;
}

static const char *check_capabilities(const Manifest *manifest)
{
        for (size_t i = 0; i < manifest->roots.n; i++)
                if (path_root_find(&manifest->roots, manifest->roots.items[i].name) !=
                    &manifest->roots.items[i])
                        return "has two roots of one name";

        for (size_t i = 0; i < manifest->capabilities.n; i++) {
                const Capability *capability = &manifest->capabilities.items[i];

                if (manifest_find_entry(manifest, capability->id) != capability)
                        return "has two capabilities of one id";
                if (!constraints_roots_known(&capability->argv, &manifest->roots))
                        return "has a path in a root that it does not define";
                for (size_t j = 0; j < capability->roots.n; j++)
                        if (!path_root_find(&manifest->roots, capability->roots.items[j]))
                                return "has a capability on a root that it does not define";
        }

        for (size_t i = 0; i < manifest->dispatchers.n; i++)
                for (size_t j = 0; j < manifest->dispatchers.items[i].capabilities.n; j++)
                        if (!manifest_find_entry(manifest,
                                                 manifest->dispatchers.items[i].capabilities.items[j]))
                                return "has a dispatcher for a capability that it does not have";

        return NULL;
}

static const char *check(const void *object)
{
        const Manifest *manifest = object;
        const char *why;

        if (manifest->expires_at_ms <= manifest->issued_at_ms ||
            manifest->expires_at_ms - manifest->issued_at_ms > LIFE_MAX_MS)
                return "must expire within a year after it was issued";
        if (manifest_is_tombstone(manifest) && (manifest->dispatchers.n > 0 || manifest->capabilities.n > 0))
                return "ends the device with this version, so it must have no dispatchers and no "
                       "capabilities";

        why = check_people(manifest);
        why = why ? why : check_keys(manifest);
        return why ? why : check_capabilities(manifest);
}

const Schema manifest_schema = {
        .size = sizeof(Manifest), .max_bytes = 256 * 1024, SCHEMA_TABLE(fields), .check = check
};

static const char *check_policy(const void *object)
{
        const char *why = check_people(object);

        return why ? why : check_capabilities(object);
}

const Schema manifest_policy_schema = { .size = sizeof(Manifest),
                                        SCHEMA_TABLE(policy_fields),
                                        .check = check_policy };

bool manifest_is_tombstone(const Manifest *manifest)
{
        return manifest->version == MANIFEST_TOMBSTONE;
}

bool manifest_is_dated_ahead(const Manifest *manifest, uint64_t now_ms)
{
        return (uint64_t) manifest->issued_at_ms > now_ms + (uint64_t) manifest->limits.skew_s * 1000;
}

const ManifestOperator *manifest_find_operator(const Manifest *manifest, const char *principal)
{
        for (size_t i = 0; i < manifest->operators.n; i++)
                if (streq(manifest->operators.items[i].principal, principal))
                        return &manifest->operators.items[i];

        return NULL;
}

const ManifestApprover *manifest_find_approver(const Manifest *manifest, const char *principal)
{
        for (size_t i = 0; i < manifest->approvers.n; i++)
                if (streq(manifest->approvers.items[i].principal, principal))
                        return &manifest->approvers.items[i];

        return NULL;
}

/* NULL: the manifest has none. */
static const char *person_of(const Manifest *manifest, const char *principal)
{
        const ManifestOperator *requester = manifest_find_operator(manifest, principal);
        const ManifestApprover *approver = manifest_find_approver(manifest, principal);

        return requester ? requester->person : approver ? approver->person : NULL;
}

bool manifest_same_person(const Manifest *manifest, const char *a, const char *b)
{
        const char *person = person_of(manifest, a), *other = person_of(manifest, b);

        return streq(a, b) || (person && other && streq(person, other));
}

const Capability *manifest_find_entry(const Manifest *manifest, const char *id)
{
        for (size_t i = 0; i < manifest->capabilities.n; i++)
                if (streq(manifest->capabilities.items[i].id, id))
                        return &manifest->capabilities.items[i];

        return NULL;
}

/* Whether `a` demands a higher approval than `b`. */
static bool is_stricter(const Capability *a, const Capability *b)
{
        return a->approval != b->approval ? a->approval > b->approval
                                          : a->approval_count > b->approval_count;
}

/* Of the reasons why several entries do not match, the one that helps most: the program and the path fit. */
static int closeness(int reason)
{
        return reason == DEVBOX_ERROR_ARGS_DENIED ? 2 : reason == DEVBOX_ERROR_PATH_DENIED ? 1 : 0;
}

int manifest_find_capability(const Manifest *manifest, CapabilityKind kind, const Arguments *arguments,
                             const Capability **ret_capability)
{
        const Capability *found = NULL;
        int reason = DEVBOX_ERROR_UNKNOWN_CAPABILITY;

        for (size_t i = 0; i < manifest->capabilities.n; i++) {
                const Capability *capability = &manifest->capabilities.items[i];

                if (capability->kind != (int) kind)
                        continue;

                int r = capability_match(capability, &manifest->roots, arguments);
                if (r < 0)
                        return r;
                if (r > 0 && (reason == DEVBOX_ERROR_UNKNOWN_CAPABILITY || closeness(r) > closeness(reason)))
                        reason = r;
                if (r == 0 && (!found || is_stricter(capability, found)))
                        found = capability;
        }

        if (!found)
                return reason;

        *ret_capability = found;
        return 0;
}
