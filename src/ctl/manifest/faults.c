/* SPDX-License-Identifier: MIT */
/* Every fault of a manifest: each field is bound alone, and each member of its lists. */

#include "ctl/manifest/faults.h"

#include <stdio.h>

#include "codec/strict-json.h"
#include "ctl/problem.h"
#include "schema/yaml.h"

typedef struct Faults {
        const char *path;
        const YamlNode *yaml;
        size_t n;
        char **ret_problem;
} Faults;

static int add_fault(Faults *faults, const SchemaFault *fault)
{
        YamlProblem problem = { 0 };

        schema_yaml_locate_fault(faults->yaml, fault, &problem);
        faults->n++;
        return problem.line > 0 ? problem_add(faults->ret_problem, DEVBOX_ERROR_BAD_SCHEMA, "%s:%u: %s",
                                              faults->path, problem.line, problem.reason)
                                : problem_add(faults->ret_problem, DEVBOX_ERROR_BAD_SCHEMA, "%s: %s",
                                              faults->path, problem.reason);
}

/* Binds a part of the document; `at` is its place, and before the place of the fault. */
static int check_part(Faults *faults, const Schema *schema, const cJSON *part, const char *at)
{
        SchemaFault fault = { 0 }, placed = { 0 };
        void *object = NULL;

        int r = schema_bind(schema, part, &object, &fault);
        if (r == 0)
                schema_free(schema, object);
        if (r <= 0)
                return r;

        placed.why = fault.why;
        if (snprintf(placed.path, sizeof placed.path, "%s%s%s", at, *at && *fault.path ? "." : "",
                     fault.path) >= (int) sizeof placed.path)
                placed.path[0] = '\0';
        r = add_fault(faults, &placed);
        return MIN(r, 0);
}

static int check_field(Faults *faults, const SchemaField *field, const cJSON *tree)
{
        const Schema alone = { .size = manifest_schema.size, .fields = field, .n_fields = 1 };
        _cleanup_(json_deletep) cJSON *part = cJSON_CreateObject();
        cJSON *value = cJSON_GetObjectItemCaseSensitive(tree, field->key);

        if (!part || (value && !cJSON_AddItemReferenceToObject(part, field->key, value)))
                return -ENOMEM;

        return check_part(faults, &alone, part, "");
}

static int check_members(Faults *faults, const SchemaField *field, const cJSON *list)
{
        const cJSON *member;
        char at[64];
        int i = 0, r = 0;

        cJSON_ArrayForEach(member, list) {
                (void) snprintf(at, sizeof at, "%s[%d]", field->key, i++);
                r = check_part(faults, field->nested, member, at);
                if (r < 0)
                        return r;
        }

        return 0;
}

int manifest_reject_faults(const char *path, const YamlNode *yaml, const cJSON *tree,
                           const SchemaFault *first, char **ret_problem)
{
        Faults faults = { .path = path, .yaml = yaml, .ret_problem = ret_problem };

        for (size_t i = 0; i < manifest_schema.n_fields; i++) {
                const SchemaField *field = &manifest_schema.fields[i];
                const cJSON *value = cJSON_GetObjectItemCaseSensitive(tree, field->key);

                int r = field->type == SCHEMA_OBJECTS && cJSON_IsArray(value)
                                ? check_members(&faults, field, value)
                                : check_field(&faults, field, tree);
                if (r < 0)
                        return r;
        }

        /* A rule across fields, or the length of a list. */
        return faults.n > 0 ? DEVBOX_ERROR_BAD_SCHEMA : add_fault(&faults, first);
}
