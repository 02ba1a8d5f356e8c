/* SPDX-License-Identifier: MIT */
#pragma once

/* From YAML that a person writes to what schema_bind() takes: the tables of each thing say what its words
 * mean, so that `8080` is a text where a text is due. Beyond the tables a person may write
 *
 *     expires_at: 2026-12-31      a date, a time in UTC, or a span from now (30d), for a timestamp
 *     argv: ["-h", "--"]          a scalar in place of a map that has a shorthand
 *
 * and leave out `v`. What is refused is told with its line. */

#include "codec/yaml.h"
#include "schema/schema.h"

/* The tree is freed with cJSON_Delete(). Errors: -EBADMSG, then `ret_problem` says where and why;
 * -ENOMEM. */
int schema_yaml_tree(const Schema *schema, const YamlNode *root, uint64_t now_ms, cJSON **ret_tree,
                     YamlProblem *ret_problem);

/* Turns a refusal of schema_bind() into one with a line: of the part of the document that it speaks of. */
void schema_yaml_problem(const YamlNode *root, const SchemaFault *fault, YamlProblem *ret_problem);

/* All in one: the object in a text. Free it with schema_free(). Errors: as schema_yaml_tree(). */
int schema_yaml_parse(const Schema *schema, Bytes text, uint64_t now_ms, void **ret_object,
                      YamlProblem *ret_problem);
