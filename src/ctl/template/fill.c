/* SPDX-License-Identifier: MIT */
/* From a template to the manifest: names become principals and their keys, then the facts are added. */

#include <stdio.h>

#include "codec/binary-text.h"
#include "codec/strict-json.h"
#include "ctl/template/template-internal.h"

#define LIFE_MS (INT64_C(30) * 24 * 3600 * 1000)

/* The rows of operators, or of approvers, that names stand for. */
typedef struct Rows {
        cJSON *array;
        bool approvers;
} Rows;

static bool rows_have(const Rows *rows, const char *key, const char *text)
{
        const cJSON *row;

        cJSON_ArrayForEach(row, rows->array) {
                const char *value = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(row, key));

                if (value && streq(value, text))
                        return true;
        }

        return false;
}

static int add_key(cJSON *row, const char *name, const PublicKey *key)
{
        char hex[HEX_SIZE(PUBLIC_KEY_SIZE)];

        hex_format(BYTES_OF(key->bytes), hex);
        return cJSON_AddStringToObject(row, name, hex) ? 0 : -ENOMEM;
}

/* A key may occur once in a manifest: those of a person go with their first principal. */
static int add_keys(const Rows *rows, cJSON *row, const char *principal, const Person *person)
{
        int r = 0;

        if (person->mxid && !streq(principal, person->mxid))
                return 0;
        if (rows->approvers && !public_key_is_null(&person->key))
                r = add_key(row, "pub", &person->key);
        if (r == 0 && !public_key_is_null(&person->master_key))
                r = add_key(row, "msk", &person->master_key);
        return r;
}

static int add_row(void *context, const char *principal, const Person *person)
{
        const Rows *rows = context;

        if (rows_have(rows, "mxid", principal))
                return 0;

        cJSON *row = cJSON_CreateObject();
        if (json_tree_append(rows->array, row) < 0 || !cJSON_AddStringToObject(row, "mxid", principal) ||
            (person && !cJSON_AddStringToObject(row, "person", person->name)))
                return -ENOMEM;

        return person ? add_keys(rows, row, principal, person) : 0;
}

static int add_people(const Template *template, const People *people, bool approvers, cJSON *policy,
                      YamlProblems *problems)
{
        const char *key = approvers ? "approvers" : "operators";
        char *const *names = approvers ? template->head->approvers.items : template->head->operators.items;
        size_t n = approvers ? template->head->approvers.n : template->head->operators.n;
        Rows rows = { cJSON_AddArrayToObject(policy, key), approvers };
        int r = rows.array ? 0 : -ENOMEM;

        for (size_t i = 0; i < n && r == 0; i++) {
                char path[32];

                r = people_resolve(people, names[i], add_row, &rows);
                if (r != -ENOENT)
                        continue;
                (void) snprintf(path, sizeof path, "%s[%zu]", key, i);
                (void) template_fail(problems, template_line(template, path),
                                     "%s is neither a person nor a group; add with: devboxctl person add %s "
                                     "--mxid @NAME:SERVER, or --local USER",
                                     names[i], names[i]);
                r = 0;
        }

        return r;
}

/* "capabilities[3].bin" → "bin": the rest of a path that begins with an entry. */
static const char *entry_path(const char *path, size_t *ret_entry)
{
        int used = 0;

        if (sscanf(path, "capabilities[%zu]%n", ret_entry, &used) != 1 || used == 0)
                return NULL;

        return path[used] == '.' ? path + used + 1 : path + used;
}

unsigned template_line(const Template *template, const char *part)
{
        size_t entry;
        const char *rest = entry_path(part, &entry);

        return yaml_node_line(rest && entry < template->n_sources
                                      ? yaml_node_at(template->sources[entry], rest)
                                      : yaml_node_at(template->yaml, part));
}

static int fail_fault(const Template *template, const SchemaFault *fault, YamlProblems *problems)
{
        return template_fail(problems, template_line(template, fault->path), "%s%s%s", fault->path,
                             *fault->path ? " " : "the manifest ", fault->why);
}

static void set_dates(const Template *template, int64_t issued_at_ms, Manifest *manifest)
{
        int64_t expires_at_ms = template->head->expires_at_ms;

        manifest->issued_at_ms = issued_at_ms;
        manifest->expires_at_ms = expires_at_ms > 0 ? expires_at_ms : issued_at_ms + LIFE_MS;
}

int template_expand(const Template *template, const People *people, Manifest **ret_manifest,
                    YamlProblems *problems)
{
        _cleanup_(json_deletep) cJSON *policy = cJSON_Duplicate(template->policy, true);
        SchemaFault fault = { 0 };

        if (!policy)
                return -ENOMEM;
        int r = add_people(template, people, false, policy, problems);
        if (r == 0)
                r = add_people(template, people, true, policy, problems);
        if (r < 0 || problems->n > 0)
                return r < 0 ? r : -EBADMSG;

        r = schema_bind(&manifest_policy_schema, policy, (void **) ret_manifest, &fault);
        if (r != 0)
                return r > 0 ? fail_fault(template, &fault, problems) : r;

        set_dates(template, (int64_t) template->now_ms, *ret_manifest);
        return 0;
}

static int set_hubs(Manifest *manifest, const ManifestFacts *facts)
{
        if (!public_key_is_null(&facts->dispatcher)) {
                manifest->dispatchers.items = calloc(1, sizeof *manifest->dispatchers.items);
                if (!manifest->dispatchers.items)
                        return -ENOMEM;
                manifest->dispatchers.items[0] =
                        (ManifestDispatcher){ .key = facts->dispatcher,
                                              .not_after_ms = manifest->expires_at_ms };
                manifest->dispatchers.n = 1;
        }
        if (!public_key_is_null(&facts->attester)) {
                manifest->attesters.items = calloc(1, sizeof *manifest->attesters.items);
                if (!manifest->attesters.items)
                        return -ENOMEM;
                manifest->attesters.items[0] = (ManifestAttester){ .key = facts->attester,
                                                                   .not_after_ms = manifest->expires_at_ms };
                manifest->attesters.n = 1;
        }

        return 0;
}

int template_fill(const Template *template, const People *people, const ManifestFacts *facts,
                  Manifest **ret_manifest, YamlProblems *problems)
{
        _cleanup_(manifest_freep) Manifest *manifest = NULL;
        _cleanup_(freep) char *text = NULL;
        SchemaFault fault = { 0 };

        int r = template_expand(template, people, &manifest, problems);
        if (r < 0)
                return r;

        manifest->device = strdup(facts->device);
        manifest->device_key = facts->device_key;
        manifest->epoch = facts->epoch;
        manifest->version = facts->version;
        manifest->previous = facts->previous;
        set_dates(template, facts->issued_at_ms, manifest);
        if (facts->expires_at_ms > 0)
                manifest->expires_at_ms = facts->expires_at_ms;
        r = manifest->device ? set_hubs(manifest, facts) : -ENOMEM;
        if (r == 0 && !public_key_is_null(&facts->device_key))
                r = manifest_format(manifest, &text, &fault); /* checks it as a whole */
        if (r != 0)
                return r > 0 ? fail_fault(template, &fault, problems) : r;

        *ret_manifest = TAKE_PTR(manifest);
        return 0;
}
