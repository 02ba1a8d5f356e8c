/* SPDX-License-Identifier: MIT */
#pragma once

/* The subset of YAML that people write by hand, as a small tree with line numbers: maps, lists and scalars
 * of one document. Rejected are anchors, aliases, tags, directives, several documents, duplicate keys, keys
 * that are not scalars, NUL, anything that is not UTF-8 (which may begin with a byte order mark), and texts
 * beyond the limits. Scalars have no type: whether `8080` is a number is decided by the user of the tree. */

#include "basic/macro.h"

#define YAML_SIZE_MAX  ((size_t) 64 * 1024)
#define YAML_NODES_MAX 4096
#define YAML_DEPTH_MAX 8

typedef enum YamlKind { YAML_KIND_SCALAR, YAML_KIND_LIST, YAML_KIND_MAP } YamlKind;

typedef struct YamlNode YamlNode;

typedef struct YamlProblem {
        unsigned line;    /* from 1; 0: the file as a whole */
        char reason[192]; /* for people; holds nothing of the text */
} YamlProblem;

/* Parses one document. The caller frees the root; an empty document is an empty scalar. Errors: -EBADMSG,
 * then `ret_problem` has place and reason; -ENOMEM. */
int yaml_node_parse(const char *text, size_t size, YamlNode **ret_root, YamlProblem *ret_problem);

/* Frees a root and all below it, and wipes the texts, which may be secrets. */
YamlNode *yaml_node_free(YamlNode *root);
DEFINE_CLEANUP(YamlNode, yaml_node_free);

YamlKind yaml_node_kind(const YamlNode *node);
unsigned yaml_node_line(const YamlNode *node);

/* Of a scalar: its text; whether it has no quotes; whether it is null: empty, `~` or `null`, without quotes.
 * A map or list is neither plain nor null. */
const char *yaml_node_text(const YamlNode *node);
bool yaml_node_is_plain(const YamlNode *node);
bool yaml_node_is_null(const YamlNode *node);

/* The members of a list or map in the order of the file; NULL after the last. Those of a map have a key. */
const YamlNode *yaml_node_first(const YamlNode *node);
const YamlNode *yaml_node_next(const YamlNode *member);
const char *yaml_node_key(const YamlNode *member);
unsigned yaml_node_key_line(const YamlNode *member);

/* The node at a path such as "capabilities[2].argv[0]" (schema/schema.h), or the deepest existing one on the
 * way to it, for the line of an error. */
const YamlNode *yaml_node_at(const YamlNode *root, const char *path);
