/* SPDX-License-Identifier: MIT */
#pragma once

/* YAML that a person wrote as the tree that a schema reads (proto/schema.h: schema_bind()). A scalar without
 * quotes that is a whole number is a number, `true` and `false` are what they say, and nothing is null;
 * every other scalar is a text. */

#include <cjson/cJSON.h>

#include "codec/yaml.h"

/* Free the tree with cJSON_Delete(). Errors: -ENOMEM. */
int yaml_to_json(const YamlNode *node, cJSON **ret_tree);

/* The node at a path as schemas write them, "capabilities[2].argv[0]", or the last one on the way to it that
 * exists: for the line of what was refused. */
const YamlNode *yaml_node_at(const YamlNode *root, const char *path);
