/* SPDX-License-Identifier: MIT */
#pragma once

/* Documents as tables: YAML to the trees that schema_bind() takes. The table of a document decides the
 * types, so that `8080` is a string where a string is expected. Beyond JSON, YAML allows
 *
 *     expires_at: 2026-12-31      a date, a time in UTC, or a span from now (30d), for a timestamp
 *     argv: ["-h", "--"]          a scalar in place of a map that has a shorthand
 *
 * and may leave out constants. Errors have the line. */

#include "codec/yaml.h"
#include "schema/schema.h"

/* Converts a whole document; free the tree with cJSON_Delete(). Errors: -EBADMSG, then `ret_problem` says
 * where and why; -ENOMEM. */
int schema_yaml_convert(const Schema *schema, const YamlNode *root, uint64_t now_ms, cJSON **ret_tree,
                        YamlProblem *ret_problem);

/* Finds the line that a fault of schema_bind() is about. */
void schema_yaml_locate_fault(const YamlNode *root, const SchemaFault *fault, YamlProblem *ret_problem);

/* Parses a whole text; free the object with schema_free(). Errors: as schema_yaml_convert(). */
int schema_yaml_parse(const Schema *schema, Bytes text, uint64_t now_ms, void **ret_object,
                      YamlProblem *ret_problem);
