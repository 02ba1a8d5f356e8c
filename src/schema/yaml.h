/* SPDX-License-Identifier: MIT */
#pragma once

/* Documents as tables: YAML to the trees that schema_bind() takes. The table of a document decides the
 * types, so that `8080` is a string where a string is expected. Beyond JSON, YAML allows
 *
 *     expires_at: 2026-12-31      a date, a time in UTC, or a span from now (30d), for a timestamp
 *     argv: ["-h", "--"]          a scalar in place of a map that has a shorthand
 *
 * and may leave out constants. A document is read to its end whatever is wrong with it: problems are a list.
 */

#include "codec/yaml.h"
#include "schema/schema.h"

/* In the order of their lines. */
typedef struct YamlProblems {
        YamlProblem items[32];
        size_t n; /* also those for which there was no room */
} YamlProblems;

#define YAML_PROBLEMS_NULL ((YamlProblems){ 0 })

static inline size_t yaml_problems_listed(const YamlProblems *problems)
{
        return MIN(problems->n, ELEMENTSOF(problems->items));
}

void yaml_problems_add(YamlProblems *problems, const YamlProblem *problem);

/* Converts a whole document; free the tree with cJSON_Delete(). What cannot be converted is left out and
 * added to `problems`. Errors: -ENOMEM. */
int schema_yaml_convert(const Schema *schema, const YamlNode *root, uint64_t now_ms, cJSON **ret_tree,
                        YamlProblems *problems);

/* Converts one member of a map by its row in the table, and adds it to `object`: for documents that have
 * more than a table says. Errors: -EBADMSG it was added to `problems`; -ENOMEM. */
int schema_yaml_convert_member(const Schema *schema, const YamlNode *member, uint64_t now_ms, cJSON *object,
                               YamlProblems *problems);

/* Binds the tree that `root` was converted to. Each field is checked alone, and each member of its lists,
 * unless it was not converted. Errors: -EBADMSG there are problems; -ENOMEM. */
int schema_yaml_bind(const Schema *schema, const YamlNode *root, const cJSON *tree, void **ret_object,
                     YamlProblems *problems);

/* Finds the line that a fault of schema_bind() is about. */
void schema_yaml_locate_fault(const YamlNode *root, const SchemaFault *fault, YamlProblem *ret_problem);

/* Parses a whole text; free the object with schema_free(). `problems` is YAML_PROBLEMS_NULL at first.
 * Errors: as schema_yaml_bind(). */
int schema_yaml_parse(const Schema *schema, Bytes text, uint64_t now_ms, void **ret_object,
                      YamlProblems *problems);
