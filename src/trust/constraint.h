/* SPDX-License-Identifier: MIT */
#pragma once

/* The constraint language for program arguments, one constraint for each:
 *
 *     {"lit":"-l"}  {"enum":["-l","-la"]}  {"int":[1,100]}  {"word":{"class":"A-Za-z0-9_.-","max":64}}
 *     {"path":{"root":"logs","kind":"file","must":"exist"}}
 *     {"opt":CONSTRAINT}  {"many":{"of":CONSTRAINT,"min":0,"max":8}}  {"insert":"--"}
 *
 * The language is positional and total: every argument is matched by a constraint of its own, in order, and
 * every constraint is matched; there is no pattern over the joined line (sudoers' `cat a*` also allows `cat
 * a /etc/shadow`). Only lit and enum may match an argument that begins with "-", so no value can become an
 * option. opt and many do not nest. insert matches no argument and adds one to what is executed: the "--"
 * that ends the options of a program, which people do not type. Matching takes constraints × arguments
 * steps, whatever the input. */

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
        CONSTRAINT_INSERT,
        _CONSTRAINT_KIND_MAX
} ConstraintKind;
typedef enum ConstraintRepeat {
        CONSTRAINT_ONCE,
        CONSTRAINT_OPTIONAL,
        CONSTRAINT_MANY,
        _CONSTRAINT_REPEAT_MAX
} ConstraintRepeat;
typedef enum PathKind { PATH_ANY, PATH_FILE, PATH_DIRECTORY, _PATH_KIND_MAX } PathKind;
typedef enum PathMust { PATH_MUST_EXIST, PATH_MUST_BE_NEW, PATH_MAY_EXIST, _PATH_MUST_MAX } PathMust;

typedef struct ArgumentConstraint {
        int kind;   /* ConstraintKind */
        int repeat; /* ConstraintRepeat */
        int64_t many_min, many_max;
        char *literal;         /* lit, insert */
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

/* Whether every path constraint names a root of the table. */
bool constraints_roots_known(const ArgumentConstraints *constraints, const PathRoots *roots);

/* Whether every value is enumerated, at its place: only lit and enum, and no many. */
bool constraints_are_pinned(const ArgumentConstraints *constraints);

/* What is executed: the arguments, with those of insert at their places. The strings are borrowed. */
typedef struct ExecutedArguments {
        const char *items[2 * ARGUMENTS_MAX + 2]; /* with a program before and a NULL after */
        size_t n;
} ExecutedArguments;

/* Whether all arguments match all constraints, and then what is executed, added to `executed`, which may be
 * NULL. Of several ways to match, the one is taken where earlier constraints take most, so
 * that every computation of it is the same. constraints_roots_known() must hold for the roots.
 * Errors: DEVBOX_ERROR_ARGS_DENIED. */
int constraints_match(const ArgumentConstraints *constraints, const PathRoots *roots, char *const *arguments,
                      size_t n_arguments, ExecutedArguments *executed);

/* NULL: no root of that name. */
const PathRoot *path_root_find(const PathRoots *roots, const char *name);
