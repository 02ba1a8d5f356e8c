/* SPDX-License-Identifier: MIT */
/* Every problem of a document that a person wrote: each field is bound alone, and each member of its lists.
 */

#include <stdio.h>

#include "codec/strict-json.h"
#include "schema/yaml.h"

typedef struct Binder {
        const Schema *schema;
        const YamlNode *root;
        YamlProblems *problems;
        YamlProblems converting; /* those of the conversion */
} Binder;

void yaml_problems_add(YamlProblems *problems, const YamlProblem *problem)
{
        size_t room = ELEMENTSOF(problems->items), n = yaml_problems_listed(problems), at = n;

        problems->n++;
        if (n == room)
                return;

        for (; at > 0 && problems->items[at - 1].line > problem->line; at--)
                problems->items[at] = problems->items[at - 1];
        problems->items[at] = *problem;
}

void schema_yaml_locate_fault(const YamlNode *root, const SchemaFault *fault, YamlProblem *ret_problem)
{
        const YamlNode *node = yaml_node_at(root, fault->path);

        ret_problem->line = yaml_node_line(node);
        (void) snprintf(ret_problem->reason, sizeof ret_problem->reason, "%s%s%s", fault->path,
                        *fault->path ? " " : "it ", fault->why);
}

static void add_fault(Binder *binder, const SchemaFault *fault)
{
        YamlProblem problem = { 0 };

        schema_yaml_locate_fault(binder->root, fault, &problem);
        yaml_problems_add(binder->problems, &problem);
}

static unsigned last_line(const YamlNode *node)
{
        unsigned line = yaml_node_line(node);

        if (yaml_node_kind(node) != YAML_KIND_SCALAR)
                for (const YamlNode *member = yaml_node_first(node); member; member = yaml_node_next(member))
                        line = MAX(line, last_line(member));

        return line;
}

/* Whether not all of this place was converted, of which a fault there could be a consequence. */
static bool is_incomplete(const Binder *binder, const char *path)
{
        const YamlNode *node = yaml_node_at(binder->root, path);

        if (node == binder->root)
                return false;

        unsigned first = yaml_node_key(node) ? yaml_node_key_line(node) : yaml_node_line(node);
        for (size_t i = 0; i < yaml_problems_listed(&binder->converting); i++)
                if (binder->converting.items[i].line >= first &&
                    binder->converting.items[i].line <= last_line(node))
                        return true;

        return false;
}

/* Binds the value of a field, which may be NULL. The fault is of this document. */
static int bind_value(Binder *binder, const SchemaField *field, cJSON *value, SchemaFault *ret_fault)
{
        const Schema alone = { .size = binder->schema->size, .fields = field, .n_fields = 1 };
        _cleanup_(json_deletep) cJSON *part = cJSON_CreateObject();
        void *object;

        if (!part || (value && !cJSON_AddItemReferenceToObject(part, field->key, value)))
                return -ENOMEM;

        int r = schema_bind(&alone, part, &object, ret_fault);
        if (r == 0)
                schema_free(&alone, object);
        return r;
}

/* Binds a list of one member, and puts its own index into the path of a fault. */
static int check_member(Binder *binder, const SchemaField *list, cJSON *member, size_t index)
{
        _cleanup_(json_deletep) cJSON *one = cJSON_CreateArray();
        SchemaField field = *list;
        SchemaFault fault = { 0 }, placed = { 0 };

        int n = snprintf(placed.path, sizeof placed.path, "%s[%zu]", field.key, index);
        assert(n > 0 && (size_t) n < sizeof placed.path);
        if (is_incomplete(binder, placed.path))
                return 0;
        if (!one || !cJSON_AddItemReferenceToArray(one, member))
                return -ENOMEM;

        field.min = MIN(field.min, 1);
        int r = bind_value(binder, &field, one, &fault);
        if (r <= 0)
                return r;

        placed.why = fault.why;
        const char *rest = strchr(fault.path, ']');
        if (rest)
                (void) snprintf(placed.path + n, sizeof placed.path - (size_t) n, "%s", rest + 1);
        add_fault(binder, &placed);
        return 0;
}

static int check_members(Binder *binder, const SchemaField *field, cJSON *list)
{
        size_t i = 0;
        cJSON *member;

        cJSON_ArrayForEach(member, list) {
                int r = check_member(binder, field, member, i++);
                if (r < 0)
                        return r;
        }

        return 0;
}

static int check_field(Binder *binder, const SchemaField *field, const cJSON *tree)
{
        cJSON *value = cJSON_GetObjectItemCaseSensitive(tree, field->key);
        SchemaFault fault = { 0 };
        size_t n = binder->problems->n;
        int r = 0;

        if (cJSON_IsArray(value) && (field->type == SCHEMA_STRINGS || field->type == SCHEMA_DIGESTS ||
                                     field->type == SCHEMA_OBJECTS))
                r = check_members(binder, field, value);
        if (r < 0 || binder->problems->n > n || is_incomplete(binder, field->key))
                return r;

        r = bind_value(binder, field, value, &fault);
        if (r > 0)
                add_fault(binder, &fault);
        return MIN(r, 0);
}

int schema_yaml_bind(const Schema *schema, const YamlNode *root, const cJSON *tree, void **ret_object,
                     YamlProblems *problems)
{
        Binder binder = { schema, root, problems, *problems };
        SchemaFault fault = { 0 };
        void *object = NULL;

        int r = schema_bind(schema, tree, &object, &fault);
        if (r < 0)
                return r;
        if (r == 0 && problems->n == 0) {
                *ret_object = object;
                return 0;
        }

        if (r == 0)
                schema_free(schema, object);
        for (size_t i = 0; i < schema->n_fields && cJSON_IsObject(tree); i++) {
                r = check_field(&binder, &schema->fields[i], tree);
                if (r < 0)
                        return r;
        }
        if (problems->n == 0)
                add_fault(&binder, &fault); /* a rule across fields */

        return -EBADMSG;
}
