/* SPDX-License-Identifier: MIT */
#pragma once

/* The part of YAML that a person writes by hand, as a small tree that knows its lines: maps, lists and
 * scalars of one document. Whatever can surprise is refused: anchors, aliases, tags, directives, several
 * documents, keys that appear twice or are no scalars, NUL, anything that is not UTF-8, and what is too
 * large. Texts are kept as written: whether `8080` is a number is for the reader of the tree to say. */

#include "basic/macro.h"

#define YAML_SIZE_MAX  ((size_t) 64 * 1024)
#define YAML_NODES_MAX 4096
#define YAML_DEPTH_MAX 8

typedef enum YamlKind { YAML_KIND_SCALAR, YAML_KIND_LIST, YAML_KIND_MAP } YamlKind;

typedef struct YamlNode YamlNode;

typedef struct YamlProblem {
        unsigned line;    /* from 1; 0: the file as a whole */
        char reason[192]; /* for a person; holds nothing of the text */
} YamlProblem;

/* Reads one document. The caller frees the root; an empty document is an empty scalar. Errors: -EBADMSG
 * refused, then `ret_problem` says where and why; -ENOMEM. */
int yaml_node_parse(const char *text, size_t size, YamlNode **ret_root, YamlProblem *ret_problem);

/* Frees a root and all below it, and wipes the texts, which may be secrets. */
YamlNode *yaml_node_free(YamlNode *root);
DEFINE_CLEANUP(YamlNode, yaml_node_free);

YamlKind yaml_node_kind(const YamlNode *node);
unsigned yaml_node_line(const YamlNode *node);

/* Of a scalar: its text; whether it was written without quotes; whether it stands for nothing: empty, `~` or
 * `null`, without quotes. A map or list is neither plain nor null. */
const char *yaml_node_text(const YamlNode *node);
bool yaml_node_is_plain(const YamlNode *node);
bool yaml_node_is_null(const YamlNode *node);

/* The members of a list or map in the order of the file; NULL after the last. Those of a map have a key. */
const YamlNode *yaml_node_first(const YamlNode *node);
const YamlNode *yaml_node_next(const YamlNode *member);
const char *yaml_node_key(const YamlNode *member);
unsigned yaml_node_key_line(const YamlNode *member);

/* The node at a path as proto/schema.h writes them, "capabilities[2].argv[0]", or the last one on the way to
 * it that exists: for the line of what was refused. */
const YamlNode *yaml_node_at(const YamlNode *root, const char *path);
