/* SPDX-License-Identifier: MIT */
/* YAML that a person wrote as the tree that a schema reads. */

#include "codec/yaml-json.h"

#include "basic/parse.h"
#include "codec/strict-json.h"

static cJSON *convert(const YamlNode *node);

/* Beyond 2^53 a number is no integer any more, in cJSON as in the profile: it stays a text. */
static cJSON *convert_scalar(const YamlNode *node)
{
        const char *text = yaml_node_text(node);
        bool negative = text[0] == '-';
        uint64_t number;

        if (yaml_node_is_null(node))
                return cJSON_CreateNull();
        if (!yaml_node_is_plain(node))
                return cJSON_CreateString(text);
        if (streq(text, "true") || streq(text, "false"))
                return cJSON_CreateBool(text[0] == 't');
        if (parse_u64(text + negative, negative, (uint64_t) STRICT_JSON_INTEGER, &number) == 0)
                return cJSON_CreateNumber(negative ? -(double) number : (double) number);

        return cJSON_CreateString(text);
}

static cJSON *convert_members(const YamlNode *node, bool is_map)
{
        _cleanup_(json_deletep) cJSON *tree = is_map ? cJSON_CreateObject() : cJSON_CreateArray();

        for (const YamlNode *member = yaml_node_first(node); tree && member;
             member = yaml_node_next(member)) {
                cJSON *value = convert(member);
                bool added = value && (is_map ? cJSON_AddItemToObject(tree, yaml_node_key(member), value)
                                              : cJSON_AddItemToArray(tree, value));

                if (!added) {
                        cJSON_Delete(value);
                        return NULL;
                }
        }

        return TAKE_PTR(tree);
}

/* As deep as the reader of YAML lets a text be. */
static cJSON *convert(const YamlNode *node)
{
        YamlKind kind = yaml_node_kind(node);

        return kind == YAML_KIND_SCALAR ? convert_scalar(node)
                                        : convert_members(node, kind == YAML_KIND_MAP);
}

int yaml_to_json(const YamlNode *node, cJSON **ret_tree)
{
        cJSON *tree = convert(node);

        if (!tree)
                return -ENOMEM;

        *ret_tree = tree;
        return 0;
}

static const YamlNode *member_at(const YamlNode *node, const char *name, size_t length)
{
        if (yaml_node_kind(node) != YAML_KIND_MAP)
                return NULL;

        for (const YamlNode *member = yaml_node_first(node); member; member = yaml_node_next(member))
                if (strlen(yaml_node_key(member)) == length &&
                    memcmp(yaml_node_key(member), name, length) == 0)
                        return member;

        return NULL;
}

static const YamlNode *item_at(const YamlNode *node, uint64_t index)
{
        const YamlNode *item = yaml_node_kind(node) == YAML_KIND_LIST ? yaml_node_first(node) : NULL;

        while (item && index-- > 0)
                item = yaml_node_next(item);
        return item;
}

const YamlNode *yaml_node_at(const YamlNode *root, const char *path)
{
        const YamlNode *node = root;

        while (*path != '\0') {
                const YamlNode *next = NULL;
                uint64_t index;

                if (*path == '[') {
                        path++;
                        if (parse_next_u64(&path, &index) < 0 || *path != ']')
                                break;
                        path++;
                        next = item_at(node, index);
                } else {
                        path += *path == '.';
                        size_t length = strcspn(path, ".[");
                        next = member_at(node, path, length);
                        path += length;
                }
                if (!next)
                        break;
                node = next;
        }

        return node;
}
