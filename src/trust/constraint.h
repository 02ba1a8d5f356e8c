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

#include "schema/schema.h"

#define ARGUMENTS_MAX       64
#define ARGUMENT_BYTES_MAX  4096
#define ARGUMENTS_BYTES_MAX (32 * 1024)

typedef enum ConstraintKind {
        CONSTRAINT_LITERAL,
        CONSTRAINT_ENUM,
        CONSTRAINT_INTEGER,
        CONSTRAINT_WORD,
        CONSTRAINT_PATH,
        _ITEM_KIND_MAX
} ConstraintKind;
typedef enum ConstraintRepeat {
        CONSTRAINT_ONCE,
        CONSTRAINT_OPTIONAL,
        CONSTRAINT_MANY,
        _ITEM_REPEAT_MAX
} ConstraintRepeat;
typedef enum PathKind { PATH_ANY, PATH_FILE, PATH_DIRECTORY, _PATH_KIND_MAX } PathKind;
typedef enum PathMust { PATH_MUST_EXIST, PATH_MUST_BE_NEW, PATH_MAY_EXIST, _PATH_MUST_MAX } PathMust;

typedef struct ArgumentConstraint {
        int kind;   /* ConstraintKind */
        int repeat; /* ConstraintRepeat */
        int64_t many_min, many_max;
        char *literal;
        LIST_OF(char *) names; /* enum */
        int64_t range[2];
        char *word_class; /* characters and ranges; no space, slash, quote, backslash or anything beyond
                             ASCII */
        int64_t word_max;
        char *path_root;          /* a name in the manifest's table of roots */
        int path_kind, path_must; /* for the worker: matching does no I/O */
} ArgumentConstraint;

typedef LIST_OF(ArgumentConstraint) ArgumentConstraints;

/* A directory that arguments may name, by the label that constraints and requests use for it. */
typedef struct PathRoot {
        char *name, *path;
} PathRoot;

typedef LIST_OF(PathRoot) PathRoots;

extern const Schema constraint_schema;
extern const Schema path_root_schema;

/* Whether every path item names a root of the table. */
bool constraints_roots_known(const ArgumentConstraints *items, const PathRoots *roots);

/* Whether every argument vector that matches is written out: only lit and enum. */
bool constraints_are_pinned(const ArgumentConstraints *items);

/* Whether "--" stands as a literal before the first item whose value the caller chooses (or there is none).
 */
bool constraints_have_separator(const ArgumentConstraints *items);

/* Whether the arguments match, all of them and all of the items. The roots may be those of any table in
 * which constraints_roots_known(). Errors: DEVBOX_ERROR_ARGS_DENIED. */
int constraints_match(const ArgumentConstraints *items, const PathRoots *roots, char *const *arguments,
                      size_t n_arguments);

/* NULL if the path lies in no root of that name. */
const PathRoot *path_root_find(const PathRoots *roots, const char *name);
