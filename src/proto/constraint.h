/* SPDX-License-Identifier: MIT */
#pragma once

/* What the arguments of a program may be, item by item:
 *
 *     {"lit":"-l"}  {"enum":["-l","-la"]}  {"int":[1,100]}  {"word":{"class":"A-Za-z0-9_.-","max":64}}
 *     {"path":{"root":"logs","kind":"file","must":"exist"}}  {"opt":ITEM}
 * {"many":{"of":ITEM,"min":0,"max":8}}
 *
 * The language is positional and total: every argument is matched on its own by some item, in order, and
 * every item is matched; there is no pattern over the joined line (sudoers' `cat a*` also allows `cat a
 * /etc/shadow`). Only lit and enum may match an argument that begins with "-", so no value can become an
 * option. opt and many do not nest. Matching takes items × arguments steps, whatever the input. */

#include "proto/schema.h"

#define ARGUMENTS_MAX       64
#define ARGUMENT_BYTES_MAX  4096
#define ARGUMENTS_BYTES_MAX (32 * 1024)

typedef enum ItemKind {
        ITEM_LITERAL,
        ITEM_ENUM,
        ITEM_INTEGER,
        ITEM_WORD,
        ITEM_PATH,
        _ITEM_KIND_MAX
} ItemKind;
typedef enum ItemRepeat { ITEM_ONCE, ITEM_OPTIONAL, ITEM_MANY, _ITEM_REPEAT_MAX } ItemRepeat;
typedef enum PathKind { PATH_ANY, PATH_FILE, PATH_DIRECTORY, _PATH_KIND_MAX } PathKind;
typedef enum PathMust { PATH_MUST_EXIST, PATH_MUST_BE_NEW, PATH_MAY_EXIST, _PATH_MUST_MAX } PathMust;

typedef struct Item {
        int kind;   /* ItemKind */
        int repeat; /* ItemRepeat */
        int64_t many_min, many_max;
        char *literal;
        LIST_OF(char *) names; /* enum */
        int64_t range[2];
        char *word_class; /* characters and ranges; no space, slash, quote, backslash or anything beyond
                             ASCII */
        int64_t word_max;
        char *path_root;          /* a name in the manifest's table of roots */
        int path_kind, path_must; /* for the worker: matching does no I/O */
} Item;

typedef LIST_OF(Item) Items;

/* A directory that arguments may name, by the label that constraints and requests use for it. */
typedef struct PathRoot {
        char *name, *path;
} PathRoot;

typedef LIST_OF(PathRoot) PathRoots;

extern const Schema item_schema;
extern const Schema path_root_schema;

/* Whether every path item names a root of the table. */
bool items_roots_known(const Items *items, const PathRoots *roots);

/* Whether every argument vector that matches is written out: only lit and enum. */
bool items_are_pinned(const Items *items);

/* Whether "--" stands as a literal before the first item whose value the caller chooses (or there is none).
 */
bool items_have_separator(const Items *items);

/* Whether the arguments match, all of them and all of the items. The roots may be those of any table in
 * which items_roots_known(). Errors: DEVBOX_ERROR_ARGS_DENIED. */
int items_match(const Items *items, const PathRoots *roots, char *const *arguments, size_t n_arguments);

/* NULL if the path lies in no root of that name. */
const PathRoot *path_root_find(const PathRoots *roots, const char *name);
