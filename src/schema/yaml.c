/* SPDX-License-Identifier: MIT */
/* Converts YAML to the trees that schema_bind() takes. Only types are chosen here; whether a value is
 * allowed is decided by schema_bind(), so that YAML and JSON have the same rules. */

#include "schema/yaml.h"

#include <stdarg.h>
#include <stdio.h>

#include "basic/parse.h"
#include "basic/timestamp.h"
#include "basic/word.h"
#include "codec/strict-json.h"

typedef struct Converter {
        uint64_t now_ms;
        YamlProblems *problems;
} Converter;

static int convert_object(Converter *converter, const Schema *schema, const YamlNode *node,
                          cJSON **ret_item);

static int fail(Converter *converter, unsigned line, const char *format, ...) _printf_(3, 4);

/* Adds a problem; the caller leaves out what it is about. */
static int fail(Converter *converter, unsigned line, const char *format, ...)
{
        YamlProblem problem = { .line = line };
        va_list args;

        va_start(args, format);
        (void) vsnprintf(problem.reason, sizeof problem.reason, format, args);
        va_end(args);
        yaml_problems_add(converter->problems, &problem);
        return -EBADMSG;
}

/* Returns what a function of cJSON created; NULL: out of memory. */
static int return_item(cJSON *item, cJSON **ret_item)
{
        *ret_item = item;
        return item ? 0 : -ENOMEM;
}

static int convert_integer(Converter *converter, const SchemaField *field, const YamlNode *node,
                           cJSON **ret_item)
{
        const char *text = yaml_node_kind(node) == YAML_KIND_SCALAR ? yaml_node_text(node) : "";
        bool negative = *text == '-';
        uint64_t value;

        if (field->type == SCHEMA_TIMESTAMP) {
                if (parse_timestamp_ms(text, converter->now_ms, &value) < 0 || value > STRICT_JSON_INTEGER)
                        return fail(converter, yaml_node_line(node),
                                    "%s must be a date (2026-12-31), a time (2026-12-31T12:00:00Z) or a "
                                    "span from now (30d)",
                                    field->key);
                return return_item(cJSON_CreateNumber((double) value), ret_item);
        }

        if (!yaml_node_is_plain(node) || parse_u64(text + negative, 0, STRICT_JSON_INTEGER, &value) < 0)
                return fail(converter, yaml_node_line(node), "%s must be a whole number, without quotes",
                            field->key);

        return return_item(cJSON_CreateNumber(negative ? -(double) value : (double) value), ret_item);
}

static int convert_boolean(Converter *converter, const SchemaField *field, const YamlNode *node,
                           cJSON **ret_item)
{
        const char *text = yaml_node_is_plain(node) ? yaml_node_text(node) : "";

        if (!streq(text, "true") && !streq(text, "false"))
                return fail(converter, yaml_node_line(node), "%s must be true or false, without quotes",
                            field->key);

        return return_item(cJSON_CreateBool(streq(text, "true")), ret_item);
}

static int convert_text(Converter *converter, const SchemaField *field, const YamlNode *node,
                        cJSON **ret_item)
{
        if (yaml_node_kind(node) != YAML_KIND_SCALAR)
                return fail(converter, yaml_node_line(node), "%s must be a string", field->key);

        return return_item(cJSON_CreateString(yaml_node_text(node)), ret_item);
}

static int convert_element(Converter *converter, const SchemaField *field, const YamlNode *node,
                           cJSON **ret_item)
{
        switch (field->type) {
        case SCHEMA_RANGE:
                return convert_integer(converter, field, node, ret_item);
        case SCHEMA_OBJECTS:
                return convert_object(converter, field->nested, node, ret_item);
        default:
                return convert_text(converter, field, node, ret_item);
        }
}

static int convert_list(Converter *converter, const SchemaField *field, const YamlNode *node,
                        cJSON **ret_item)
{
        _cleanup_(json_deletep) cJSON *list = cJSON_CreateArray();

        if (!list)
                return -ENOMEM;
        if (yaml_node_kind(node) != YAML_KIND_LIST)
                return fail(converter, yaml_node_line(node), "%s must be a list", field->key);

        for (const YamlNode *member = yaml_node_first(node); member; member = yaml_node_next(member)) {
                cJSON *item = NULL;

                int r = convert_element(converter, field, member, &item);
                if (r == -EBADMSG) /* keeps the places of the others */
                        r = return_item(cJSON_CreateNull(), &item);
                if (r < 0)
                        return r;
                cJSON_AddItemToArray(list, item);
        }

        *ret_item = TAKE_PTR(list);
        return 0;
}

static int convert_map(Converter *converter, const SchemaField *field, const YamlNode *node,
                       cJSON **ret_item)
{
        _cleanup_(json_deletep) cJSON *map = cJSON_CreateObject();

        if (!map)
                return -ENOMEM;
        if (yaml_node_kind(node) != YAML_KIND_MAP)
                return fail(converter, yaml_node_line(node), "%s must be a map of names and strings",
                            field->key);

        for (const YamlNode *member = yaml_node_first(node); member; member = yaml_node_next(member)) {
                if (yaml_node_kind(member) != YAML_KIND_SCALAR)
                        return fail(converter, yaml_node_line(member),
                                    "%s must be a map of names and strings", field->key);
                if (!cJSON_AddStringToObject(map, yaml_node_key(member), yaml_node_text(member)))
                        return -ENOMEM;
        }

        *ret_item = TAKE_PTR(map);
        return 0;
}

static int convert_field(Converter *converter, const SchemaField *field, const YamlNode *node,
                         cJSON **ret_item)
{
        switch (field->type) {
        case SCHEMA_CONSTANT:
        case SCHEMA_INTEGER:
        case SCHEMA_TIMESTAMP:
                return convert_integer(converter, field, node, ret_item);
        case SCHEMA_BOOLEAN:
                return convert_boolean(converter, field, node, ret_item);
        case SCHEMA_MAP:
                return convert_map(converter, field, node, ret_item);
        case SCHEMA_RANGE:
        case SCHEMA_STRINGS:
        case SCHEMA_DIGESTS:
        case SCHEMA_OBJECTS:
                return convert_list(converter, field, node, ret_item);
        case SCHEMA_OBJECT:
                return convert_object(converter, field->nested, node, ret_item);
        default:
                return convert_text(converter, field, node, ret_item);
        }
}

/* Selects one of several tables. Only keys and strings decide, so a tree of those is enough. */
static int choose_variant(Converter *converter, const YamlNode *node, const Schema **schema)
{
        while ((*schema)->variant) {
                const char *why = (*schema)->no_variant;
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
                        return fail(converter, yaml_node_line(node), "this %s", why);
        }

        return 0;
}

/* A constant, such as the version of a document, need not be written by hand. */
static int add_constants(const Schema *schema, cJSON *object)
{
        for (size_t i = 0; i < schema->n_fields; i++) {
                const SchemaField *field = &schema->fields[i];

                if (field->type != SCHEMA_CONSTANT || cJSON_GetObjectItemCaseSensitive(object, field->key))
                        continue;

                int r = json_tree_add(object, field->key, cJSON_CreateNumber((double) field->min));
                if (r < 0)
                        return r;
        }

        return 0;
}

/* A list whose lines are all commented out is empty, never absent: it must not allow more than with one
 * line. Any other such key is missing. */
static bool is_empty_list(const SchemaField *field, const YamlNode *node)
{
        return yaml_node_is_null(node) && (field->type == SCHEMA_STRINGS || field->type == SCHEMA_DIGESTS ||
                                           field->type == SCHEMA_OBJECTS);
}

static const SchemaField *find_field(const Schema *schema, const char *key)
{
        for (size_t i = 0; i < schema->n_fields; i++)
                if (streq(schema->fields[i].key, key))
                        return &schema->fields[i];

        return NULL;
}

static int fail_unknown_key(Converter *converter, const Schema *schema, const YamlNode *member)
{
        const char *key = yaml_node_key(member), *names[64], *nearest;
        size_t n = MIN(schema->n_fields, ELEMENTSOF(names));

        for (size_t i = 0; i < n; i++)
                names[i] = schema->fields[i].key;

        nearest = word_nearest(key, names, n);
        return fail(converter, yaml_node_key_line(member), "unknown key '%s'%s%s%s",
                    word_is_showable(key) ? key : "?", nearest ? "; did you mean '" : "", strempty(nearest),
                    nearest ? "'?" : "");
}

static int convert_member(Converter *converter, const Schema *schema, const YamlNode *member, cJSON *object)
{
        const SchemaField *field = find_field(schema, yaml_node_key(member));
        cJSON *item;
        int r;

        if (!field)
                return fail_unknown_key(converter, schema, member);
        if (yaml_node_is_null(member) && !is_empty_list(field, member))
                return 0;

        r = is_empty_list(field, member) ? return_item(cJSON_CreateArray(), &item)
                                         : convert_field(converter, field, member, &item);
        return r < 0 ? r : json_tree_add(object, field->key, item);
}

static int convert_object(Converter *converter, const Schema *schema, const YamlNode *node, cJSON **ret_item)
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
                return fail(converter, yaml_node_line(node), "a map of keys and values is expected here");

        int r = choose_variant(converter, node, &schema);
        if (r < 0)
                return r;

        for (const YamlNode *member = yaml_node_first(node); member; member = yaml_node_next(member)) {
                r = convert_member(converter, schema, member, object);
                if (r < 0 && r != -EBADMSG)
                        return r;
        }

        r = add_constants(schema, object);
        if (r < 0)
                return r;

        *ret_item = TAKE_PTR(object);
        return 0;
}

int schema_yaml_convert_member(const Schema *schema, const YamlNode *member, uint64_t now_ms, cJSON *object,
                               YamlProblems *problems)
{
        return convert_member(&(Converter){ now_ms, problems }, schema, member, object);
}

int schema_yaml_convert(const Schema *schema, const YamlNode *root, uint64_t now_ms, cJSON **ret_tree,
                        YamlProblems *problems)
{
        Converter converter = { now_ms, problems };
        cJSON *tree = NULL;

        int r = convert_object(&converter, schema, root, &tree);
        if (r == -EBADMSG)
                r = return_item(cJSON_CreateNull(), &tree);
        if (r < 0)
                return r;

        *ret_tree = tree;
        return 0;
}

int schema_yaml_parse(const Schema *schema, Bytes text, uint64_t now_ms, void **ret_object,
                      YamlProblems *problems)
{
        _cleanup_(yaml_node_freep) YamlNode *root = NULL;
        _cleanup_(json_deletep) cJSON *tree = NULL;
        YamlProblem problem;

        int r = yaml_node_parse((const char *) text.data, text.size, &root, &problem);
        if (r == -EBADMSG)
                yaml_problems_add(problems, &problem);
        if (r < 0)
                return r;
        r = schema_yaml_convert(schema, root, now_ms, &tree, problems);

        return r < 0 ? r : schema_yaml_bind(schema, root, tree, ret_object, problems);
}
