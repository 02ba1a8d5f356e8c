/* SPDX-License-Identifier: MIT */
/* The constraint language for program arguments. From the last constraint to the first, the set of positions
 * is computed from which the rest matches, like a regular expression without backtracking; that of the first
 * must contain the beginning. */

#include "trust/constraint.h"

#include "basic/utf8.h"
#include "codec/strict-json.h"
#include "proto/error.h"
#include "proto/id.h"
#include "schema/list.h"

#define LABEL_MAX 63

static const char *const path_kind_names[] = { "any", "file", "dir", NULL };
static const char *const path_must_names[] = { "exist", "new", "any", NULL };

/* Parses a class such as "A-Za-z0-9_.-" into a set. A hyphen is literal at the ends only. */
static bool word_class_parse(const char *text, bool set[128])
{
        static const char also[] = "_.:@%+=,-";
        static const char *const spans[] = { "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
                                             "0123456789" };

        memset(set, 0, 128 * sizeof *set);
        for (const char *at = text; *at != '\0'; at++) {
                const char *first = NULL, *last = NULL;

                for (size_t i = 0; i < ELEMENTSOF(spans) && !first; i++) {
                        first = strchr(spans[i], *at);
                        last = first && at[1] == '-' && at[2] != '\0' ? strchr(spans[i], at[2]) : first;
                }
                if (!first && (!strchr(also, *at) || (at[1] == '-' && at[2] != '\0')))
                        return false;
                if (first && (!last || last < first))
                        return false;

                if (!first)
                        set[(unsigned char) *at] = true;
                for (; first && first <= last; first++)
                        set[(unsigned char) *first] = true;
                if (at[1] == '-' && at[2] != '\0')
                        at += 2;
        }

        return *text != '\0';
}

static bool word_class_valid(const char *text)
{
        bool set[128];

        return word_class_parse(text, set);
}

static const char *check_many(const void *object)
{
        const ArgumentConstraint *constraint = object;

        return constraint->many_min <= constraint->many_max ? NULL : "has a min above its max";
}

static const char *check_names(const void *object)
{
        const ArgumentConstraint *constraint = object;

        for (size_t i = 0; i < constraint->names.n; i++)
                if (*constraint->names.items[i] == '\0')
                        return "has an empty alternative";

        return NULL;
}

#define AT(member) offsetof(ArgumentConstraint, member)

/* clang-format off */
static const SchemaField word_fields[] = {
        { "class", SCHEMA_STRING,  true, AT(word_class), 1, 64, .valid = word_class_valid },
        { "max",   SCHEMA_INTEGER, true, AT(word_max),   1, 4096 },
};
static const SchemaField path_fields[] = {
        { "root", SCHEMA_STRING, true,  AT(path_root), 1, LABEL_MAX, .valid = label_valid },
        { "kind", SCHEMA_NAME,   false, AT(path_kind), .names = path_kind_names },
        { "must", SCHEMA_NAME,   false, AT(path_must), .names = path_must_names },
};
/* clang-format on */

static const Schema word_schema = { .size = sizeof(ArgumentConstraint), SCHEMA_TABLE(word_fields) };
static const Schema path_schema = { .size = sizeof(ArgumentConstraint), SCHEMA_TABLE(path_fields) };

static const SchemaField kind_fields[_CONSTRAINT_KIND_MAX][1] = {
        [CONSTRAINT_LITERAL] = { { "lit", SCHEMA_STRING, true, offsetof(ArgumentConstraint, literal), 1,
                                   ARGUMENT_BYTES_MAX, .valid = utf8_is_visible } },
        [CONSTRAINT_ENUM] = { { "enum", SCHEMA_STRINGS, true, offsetof(ArgumentConstraint, names), 1, 64,
                                .valid = utf8_is_visible } },
        [CONSTRAINT_INTEGER] = { { "int", SCHEMA_RANGE, true, offsetof(ArgumentConstraint, range), 0,
                                   SCHEMA_INTEGER_MAX } },
        [CONSTRAINT_WORD] = { { "word", SCHEMA_OBJECT, true, 0, .nested = &word_schema } },
        [CONSTRAINT_PATH] = { { "path", SCHEMA_OBJECT, true, 0, .nested = &path_schema } },
        [CONSTRAINT_INSERT] = { { "insert", SCHEMA_STRING, true, offsetof(ArgumentConstraint, literal), 1,
                                  ARGUMENT_BYTES_MAX, .valid = utf8_is_visible } },
};

#define KIND(kind_)                                                                                         \
        [kind_] = { .size = sizeof(ArgumentConstraint),                                                     \
                    SCHEMA_TABLE(kind_fields[kind_]),                                                       \
                    .check = kind_ == CONSTRAINT_ENUM ? check_names : NULL,                                 \
                    .tagged = true,                                                                         \
                    .tag_offset = offsetof(ArgumentConstraint, kind),                                       \
                    .tag = kind_ }

static const Schema kind_schemas[_CONSTRAINT_KIND_MAX] = {
        KIND(CONSTRAINT_LITERAL), KIND(CONSTRAINT_ENUM), KIND(CONSTRAINT_INTEGER),
        KIND(CONSTRAINT_WORD),    KIND(CONSTRAINT_PATH), KIND(CONSTRAINT_INSERT)
};

static const Schema *choose_kind(const cJSON *tree, const void *object)
{
        if (object) {
                int kind = ((const ArgumentConstraint *) object)->kind;

                return kind >= 0 && kind < _CONSTRAINT_KIND_MAX ? &kind_schemas[kind] : NULL;
        }

        for (int i = 0; i < _CONSTRAINT_KIND_MAX; i++)
                if (cJSON_GetObjectItemCaseSensitive(tree, kind_fields[i][0].key))
                        return &kind_schemas[i];

        return NULL;
}

/* A constraint that may have opt or many around it: one that matches an argument. */
static const Schema *choose_matching(const cJSON *tree, const void *object)
{
        const Schema *schema = choose_kind(tree, object);

        return schema == &kind_schemas[CONSTRAINT_INSERT] ? NULL : schema;
}

static const Schema matching_schema = { .size = sizeof(ArgumentConstraint),
                                        .variant = choose_matching,
                                        .no_variant = "is no constraint that opt or many may repeat" };

/* A constraint without opt or many around it. */
static const Schema once_schema = { .size = sizeof(ArgumentConstraint),
                                    .variant = choose_kind,
                                    .no_variant = "is no known constraint; see devbox-manifest(5)" };

static const SchemaField optional_fields[] = {
        { "opt", SCHEMA_OBJECT, true, 0, .nested = &matching_schema },
};
static const SchemaField many_body_fields[] = {
        { "of", SCHEMA_OBJECT, true, 0, .nested = &matching_schema },
        { "min", SCHEMA_INTEGER, false, offsetof(ArgumentConstraint, many_min), 0, ARGUMENTS_MAX },
        { "max", SCHEMA_INTEGER, true, offsetof(ArgumentConstraint, many_max), 1, ARGUMENTS_MAX },
};
static const Schema many_body_schema = { .size = sizeof(ArgumentConstraint),
                                         SCHEMA_TABLE(many_body_fields),
                                         .check = check_many };
static const SchemaField many_fields[] = {
        { "many", SCHEMA_OBJECT, true, 0, .nested = &many_body_schema },
};

#define REPEAT(repeat_, fields_)                                                                            \
        {                                                                                                   \
                .size = sizeof(ArgumentConstraint), SCHEMA_TABLE(fields_), .tagged = true,                  \
                .tag_offset = offsetof(ArgumentConstraint, repeat), .tag = repeat_                          \
        }

static const Schema optional_schema = REPEAT(CONSTRAINT_OPTIONAL, optional_fields);
static const Schema many_schema = REPEAT(CONSTRAINT_MANY, many_fields);

static const Schema *choose_repeat(const cJSON *tree, const void *object)
{
        const ArgumentConstraint *constraint = object;

        if (constraint ? constraint->repeat == CONSTRAINT_OPTIONAL
                       : cJSON_GetObjectItemCaseSensitive(tree, "opt") != NULL)
                return &optional_schema;
        if (constraint ? constraint->repeat == CONSTRAINT_MANY
                       : cJSON_GetObjectItemCaseSensitive(tree, "many") != NULL)
                return &many_schema;

        return &once_schema;
}

const Schema constraint_schema = { .size = sizeof(ArgumentConstraint),
                                   .shorthand = "lit",
                                   .variant = choose_repeat };

static const SchemaField path_root_fields[] = {
        { "name", SCHEMA_STRING, true, offsetof(PathRoot, name), 1, LABEL_MAX, .valid = label_valid },
        { "path", SCHEMA_STRING, true, offsetof(PathRoot, path), 1, 4095, .valid = absolute_path_valid },
};

const Schema path_root_schema = { .size = sizeof(PathRoot), SCHEMA_TABLE(path_root_fields) };

const PathRoot *path_root_find(const PathRoots *roots, const char *name)
{
        for (size_t i = 0; i < roots->n; i++)
                if (streq(roots->items[i].name, name))
                        return &roots->items[i];

        return NULL;
}

bool constraints_roots_known(const ArgumentConstraints *constraints, const PathRoots *roots)
{
        for (size_t i = 0; i < constraints->n; i++)
                if (constraints->items[i].kind == CONSTRAINT_PATH &&
                    !path_root_find(roots, constraints->items[i].path_root))
                        return false;

        return true;
}

static bool is_enumerated(const ArgumentConstraint *constraint)
{
        return constraint->kind == CONSTRAINT_LITERAL || constraint->kind == CONSTRAINT_ENUM ||
               constraint->kind == CONSTRAINT_INSERT;
}

bool constraints_are_pinned(const ArgumentConstraints *constraints)
{
        for (size_t i = 0; i < constraints->n; i++)
                if (!is_enumerated(&constraints->items[i]) ||
                    constraints->items[i].repeat == CONSTRAINT_MANY)
                        return false;

        return true;
}

/* Decimal in its one spelling: no sign, no leading zero. */
static bool integer_matches(const int64_t range[2], const char *text)
{
        int64_t value = 0;

        if (*text == '\0' || (*text == '0' && text[1] != '\0'))
                return false;

        for (; *text != '\0'; text++) {
                if (*text < '0' || *text > '9')
                        return false;
                value = value * 10 + (*text - '0');
                if (value > SCHEMA_INTEGER_MAX)
                        return false;
        }

        return value >= range[0] && value <= range[1];
}

/* "." and ".." are paths, whatever the class. */
static bool word_matches(const ArgumentConstraint *constraint, const char *text)
{
        bool set[128];

        if (*text == '\0' || *text == '-' || strlen(text) > (size_t) constraint->word_max ||
            streq(text, ".") || streq(text, "..") || !word_class_parse(constraint->word_class, set))
                return false;

        for (; *text != '\0'; text++)
                if ((unsigned char) *text >= 128 || !set[(unsigned char) *text])
                        return false;

        return true;
}

static bool constraint_matches(const ArgumentConstraint *constraint, const PathRoots *roots,
                               const char *text)
{
        switch (constraint->kind) {
        case CONSTRAINT_INSERT:
                return false;
        case CONSTRAINT_LITERAL:
                return streq(constraint->literal, text);
        case CONSTRAINT_ENUM:
                return LIST_CONTAINS(constraint->names, text);
        case CONSTRAINT_INTEGER:
                return integer_matches(constraint->range, text);
        case CONSTRAINT_WORD:
                return word_matches(constraint, text);
        case CONSTRAINT_PATH: {
                const PathRoot *root = path_root_find(roots, constraint->path_root);

                return root && absolute_path_valid(text) && path_is_under(text, root->path);
        }
        }

        return false;
}

static bool arguments_valid(char *const *arguments, size_t n)
{
        size_t total = 0;

        if (n > ARGUMENTS_MAX)
                return false;

        for (size_t i = 0; i < n; i++) {
                size_t length = strlen(arguments[i]);

                total += length;
                if (length > ARGUMENT_BYTES_MAX || !strict_json_text_valid(arguments[i]))
                        return false;
        }

        return total <= ARGUMENTS_BYTES_MAX;
}

typedef struct Matching {
        const ArgumentConstraints *constraints;
        const PathRoots *roots;
        char *const *arguments;
        size_t n_arguments;
        bool rest[ARGUMENTS_MAX + 1][ARGUMENTS_MAX + 1]; /* [i][at]: constraints from i match all from at */
} Matching;

static void find_matches(const Matching *matching, const ArgumentConstraint *constraint,
                         bool ret_matches[static ARGUMENTS_MAX])
{
        for (size_t i = 0; i < matching->n_arguments; i++)
                ret_matches[i] = constraint_matches(constraint, matching->roots, matching->arguments[i]);
}

/* How many arguments the constraint takes. */
static void constraint_bounds(const ArgumentConstraint *constraint, size_t *ret_min, size_t *ret_max)
{
        bool many = constraint->repeat == CONSTRAINT_MANY, insert = constraint->kind == CONSTRAINT_INSERT;

        *ret_min = many ? (size_t) constraint->many_min : !insert && constraint->repeat == CONSTRAINT_ONCE;
        *ret_max = many ? (size_t) constraint->many_max : !insert;
}

/* The most arguments from `at` that the constraint can take, of those that `matches`, so that the rest can
 * be matched by what follows. Returns a negative number if there is no such way. */
static int take_most(const Matching *matching, size_t constraint, const bool *matches, size_t at)
{
        size_t min, max;
        int most = -1;

        constraint_bounds(&matching->constraints->items[constraint], &min, &max);
        for (size_t taken = 0; taken <= max; taken++) {
                if (taken >= min && matching->rest[constraint + 1][at + taken])
                        most = (int) taken;
                if (at + taken == matching->n_arguments || !matches[at + taken])
                        break;
        }

        return most;
}

static void match_rest(Matching *matching)
{
        bool matches[ARGUMENTS_MAX];

        matching->rest[matching->constraints->n][matching->n_arguments] = true;
        for (size_t i = matching->constraints->n; i-- > 0;) {
                find_matches(matching, &matching->constraints->items[i], matches);
                for (size_t at = 0; at <= matching->n_arguments; at++)
                        matching->rest[i][at] = take_most(matching, i, matches, at) >= 0;
        }
}

static void collect_executed(const Matching *matching, ExecutedArguments *executed)
{
        bool matches[ARGUMENTS_MAX];
        size_t at = 0;

        for (size_t i = 0; i < matching->constraints->n; i++) {
                const ArgumentConstraint *constraint = &matching->constraints->items[i];

                find_matches(matching, constraint, matches);
                for (int taken = take_most(matching, i, matches, at); taken > 0; taken--)
                        executed->items[executed->n++] = matching->arguments[at++];
                if (constraint->kind == CONSTRAINT_INSERT)
                        executed->items[executed->n++] = constraint->literal;
        }
        executed->items[executed->n] = NULL;
}

int constraints_match(const ArgumentConstraints *constraints, const PathRoots *roots, char *const *arguments,
                      size_t n_arguments, ExecutedArguments *executed)
{
        Matching matching = { constraints, roots, arguments, n_arguments, .rest = { { false } } };

        assert(constraints->n <= ARGUMENTS_MAX);

        if (!arguments_valid(arguments, n_arguments))
                return DEVBOX_ERROR_ARGS_DENIED;

        match_rest(&matching);
        if (!matching.rest[0][0])
                return DEVBOX_ERROR_ARGS_DENIED;
        if (executed)
                collect_executed(&matching, executed);
        return 0;
}
