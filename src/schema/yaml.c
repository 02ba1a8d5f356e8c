/* SPDX-License-Identifier: MIT */
/* From YAML that a person writes to what schema_bind() takes. Types are chosen here; whether a value is
 * allowed is for schema_bind() alone to say, so that YAML and JSON can never mean different rules. */

#include "schema/yaml.h"

#include <stdarg.h>
#include <stdio.h>

#include "basic/parse.h"
#include "basic/timestamp.h"
#include "basic/word.h"
#include "codec/strict-json.h"

typedef struct Bridge {
        uint64_t now_ms;
        YamlProblem *problem;
} Bridge;

static int convert_object(Bridge *bridge, const Schema *schema, const YamlNode *node, cJSON **ret_item);

static int refuse(Bridge *bridge, unsigned line, const char *format, ...) _printf_(3, 4);

static int refuse(Bridge *bridge, unsigned line, const char *format, ...)
{
        va_list args;

        bridge->problem->line = line;
        va_start(args, format);
        (void) vsnprintf(bridge->problem->reason, sizeof bridge->problem->reason, format, args);
        va_end(args);
        return -EBADMSG;
}

/* The item, or that there was no memory for it. */
static int made(cJSON *item, cJSON **ret_item)
{
        *ret_item = item;
        return item ? 0 : -ENOMEM;
}

static int convert_integer(Bridge *bridge, const SchemaField *field, const YamlNode *node, cJSON **ret_item)
{
        const char *text = yaml_node_kind(node) == YAML_KIND_SCALAR ? yaml_node_text(node) : "";
        bool negative = *text == '-';
        uint64_t value;

        if (field->type == SCHEMA_TIMESTAMP) {
                if (parse_timestamp_ms(text, bridge->now_ms, &value) < 0 || value > STRICT_JSON_INTEGER)
                        return refuse(bridge, yaml_node_line(node),
                                      "%s must be a date (2026-12-31), a time (2026-12-31T12:00:00Z) or a "
                                      "span from now (30d)",
                                      field->key);
                return made(cJSON_CreateNumber((double) value), ret_item);
        }

        if (!yaml_node_is_plain(node) || parse_u64(text + negative, 0, STRICT_JSON_INTEGER, &value) < 0)
                return refuse(bridge, yaml_node_line(node), "%s must be a whole number, without quotes",
                              field->key);

        return made(cJSON_CreateNumber(negative ? -(double) value : (double) value), ret_item);
}

static int convert_boolean(Bridge *bridge, const SchemaField *field, const YamlNode *node, cJSON **ret_item)
{
        const char *text = yaml_node_is_plain(node) ? yaml_node_text(node) : "";

        if (!streq(text, "true") && !streq(text, "false"))
                return refuse(bridge, yaml_node_line(node), "%s must be true or false, without quotes",
                              field->key);

        return made(cJSON_CreateBool(streq(text, "true")), ret_item);
}

static int convert_text(Bridge *bridge, const SchemaField *field, const YamlNode *node, cJSON **ret_item)
{
        if (yaml_node_kind(node) != YAML_KIND_SCALAR)
                return refuse(bridge, yaml_node_line(node), "%s must be a text", field->key);

        return made(cJSON_CreateString(yaml_node_text(node)), ret_item);
}

static int convert_element(Bridge *bridge, const SchemaField *field, const YamlNode *node, cJSON **ret_item)
{
        switch (field->type) {
        case SCHEMA_RANGE:
                return convert_integer(bridge, field, node, ret_item);
        case SCHEMA_OBJECTS:
                return convert_object(bridge, field->nested, node, ret_item);
        default:
                return convert_text(bridge, field, node, ret_item);
        }
}

static int convert_list(Bridge *bridge, const SchemaField *field, const YamlNode *node, cJSON **ret_item)
{
        _cleanup_(json_deletep) cJSON *list = cJSON_CreateArray();

        if (!list)
                return -ENOMEM;
        if (yaml_node_kind(node) != YAML_KIND_LIST)
                return refuse(bridge, yaml_node_line(node), "%s must be a list", field->key);

        for (const YamlNode *member = yaml_node_first(node); member; member = yaml_node_next(member)) {
                cJSON *item;

                int r = convert_element(bridge, field, member, &item);
                if (r < 0)
                        return r;
                cJSON_AddItemToArray(list, item);
        }

        *ret_item = TAKE_PTR(list);
        return 0;
}

static int convert_map(Bridge *bridge, const SchemaField *field, const YamlNode *node, cJSON **ret_item)
{
        _cleanup_(json_deletep) cJSON *map = cJSON_CreateObject();

        if (!map)
                return -ENOMEM;
        if (yaml_node_kind(node) != YAML_KIND_MAP)
                return refuse(bridge, yaml_node_line(node), "%s must be a map of names and texts",
                              field->key);

        for (const YamlNode *member = yaml_node_first(node); member; member = yaml_node_next(member)) {
                if (yaml_node_kind(member) != YAML_KIND_SCALAR)
                        return refuse(bridge, yaml_node_line(member), "%s must be a map of names and texts",
                                      field->key);
                if (!cJSON_AddStringToObject(map, yaml_node_key(member), yaml_node_text(member)))
                        return -ENOMEM;
        }

        *ret_item = TAKE_PTR(map);
        return 0;
}

static int convert_field(Bridge *bridge, const SchemaField *field, const YamlNode *node, cJSON **ret_item)
{
        switch (field->type) {
        case SCHEMA_CONSTANT:
        case SCHEMA_INTEGER:
        case SCHEMA_TIMESTAMP:
                return convert_integer(bridge, field, node, ret_item);
        case SCHEMA_BOOLEAN:
                return convert_boolean(bridge, field, node, ret_item);
        case SCHEMA_MAP:
                return convert_map(bridge, field, node, ret_item);
        case SCHEMA_RANGE:
        case SCHEMA_STRINGS:
        case SCHEMA_DIGESTS:
        case SCHEMA_OBJECTS:
                return convert_list(bridge, field, node, ret_item);
        case SCHEMA_OBJECT:
                return convert_object(bridge, field->nested, node, ret_item);
        default:
                return convert_text(bridge, field, node, ret_item);
        }
}

/* Which of several tables an object is read by. It depends on names only. */
static int choose_variant(Bridge *bridge, const YamlNode *node, const Schema **schema)
{
        while ((*schema)->variant) {
                _cleanup_(json_deletep) cJSON *names = cJSON_CreateObject();
                const YamlNode *member = yaml_node_first(node);

                for (; names && member; member = yaml_node_next(member)) {
                        const char *text =
                                yaml_node_kind(member) == YAML_KIND_SCALAR ? yaml_node_text(member) : "";
                        if (!cJSON_AddStringToObject(names, yaml_node_key(member), text))
                                return -ENOMEM;
                }
                if (!names)
                        return -ENOMEM;

                *schema = (*schema)->variant(names, NULL);
                if (!*schema)
                        return refuse(bridge, yaml_node_line(node),
                                      "this is of no known kind; see devbox-manifest(5)");
        }

        return 0;
}

static const SchemaField *find_field(const Schema *schema, const char *key)
{
        for (size_t i = 0; i < schema->n_fields; i++)
                if (streq(schema->fields[i].key, key))
                        return &schema->fields[i];

        return NULL;
}

static int refuse_key(Bridge *bridge, const Schema *schema, const YamlNode *member)
{
        const char *key = yaml_node_key(member), *names[64], *nearest;
        size_t n = MIN(schema->n_fields, ELEMENTSOF(names));

        for (size_t i = 0; i < n; i++)
                names[i] = schema->fields[i].key;

        nearest = word_nearest(key, names, n);
        return refuse(bridge, yaml_node_key_line(member), "unknown key '%s'%s%s%s",
                      word_is_showable(key) ? key : "?", nearest ? "; did you mean '" : "",
                      strempty(nearest), nearest ? "'?" : "");
}

static int convert_object(Bridge *bridge, const Schema *schema, const YamlNode *node, cJSON **ret_item)
{
        _cleanup_(json_deletep) cJSON *object = cJSON_CreateObject();

        if (!object)
                return -ENOMEM;

        if (schema->shorthand && yaml_node_kind(node) == YAML_KIND_SCALAR) {
                if (!cJSON_AddStringToObject(object, schema->shorthand, yaml_node_text(node)))
                        return -ENOMEM;
                *ret_item = TAKE_PTR(object);
                return 0;
        }
        if (yaml_node_kind(node) != YAML_KIND_MAP)
                return refuse(bridge, yaml_node_line(node), "a map of keys and values is due here");

        int r = choose_variant(bridge, node, &schema);
        if (r < 0)
                return r;

        for (const YamlNode *member = yaml_node_first(node); member; member = yaml_node_next(member)) {
                const SchemaField *field = find_field(schema, yaml_node_key(member));
                cJSON *item;

                if (!field)
                        return refuse_key(bridge, schema, member);
                if (yaml_node_is_null(member))
                        continue; /* all of its lines are comments: as if it were not there */

                r = convert_field(bridge, field, member, &item);
                if (r < 0)
                        return r;
                if (!cJSON_AddItemToObject(object, field->key, item)) {
                        cJSON_Delete(item);
                        return -ENOMEM;
                }
        }

        *ret_item = TAKE_PTR(object);
        return 0;
}

int schema_yaml_tree(const Schema *schema, const YamlNode *root, uint64_t now_ms, cJSON **ret_tree,
                     YamlProblem *ret_problem)
{
        Bridge bridge = { now_ms, ret_problem };
        _cleanup_(json_deletep) cJSON *tree = NULL;

        int r = convert_object(&bridge, schema, root, &tree);
        if (r < 0)
                return r;

        const SchemaField *version = find_field(schema, "v");
        if (version && !cJSON_GetObjectItemCaseSensitive(tree, "v") &&
            !cJSON_AddNumberToObject(tree, "v", (double) version->min))
                return -ENOMEM;

        *ret_tree = TAKE_PTR(tree);
        return 0;
}

void schema_yaml_problem(const YamlNode *root, const SchemaFault *fault, YamlProblem *ret_problem)
{
        const YamlNode *node = yaml_node_at(root, fault->path);

        ret_problem->line = yaml_node_line(node);
        (void) snprintf(ret_problem->reason, sizeof ret_problem->reason, "%s%s%s", fault->path,
                        *fault->path ? " " : "it ", fault->why);
}

int schema_yaml_parse(const Schema *schema, Bytes text, uint64_t now_ms, void **ret_object,
                      YamlProblem *ret_problem)
{
        _cleanup_(yaml_node_freep) YamlNode *root = NULL;
        _cleanup_(json_deletep) cJSON *tree = NULL;
        SchemaFault fault;

        int r = yaml_node_parse((const char *) text.data, text.size, &root, ret_problem);
        if (r < 0)
                return r;
        r = schema_yaml_tree(schema, root, now_ms, &tree, ret_problem);
        if (r < 0)
                return r;

        r = schema_bind(schema, tree, ret_object, &fault);
        if (r <= 0)
                return r;

        schema_yaml_problem(root, &fault, ret_problem);
        return -EBADMSG;
}
