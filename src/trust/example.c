/* SPDX-License-Identifier: MIT */
/* The words of an example for each kind of capability. */

#include "trust/example.h"

#include <inttypes.h>

#define LOG_LINES 100

static void append_word(const char *word, Text *text)
{
        text_append_bytes(text, word, strlen(word) + 1);
}

static void append_number(int64_t number, Text *text)
{
        text_appendf(text, "%" PRIi64, number);
        text_append_bytes(text, "", 1);
}

static const char *root_path(const Manifest *manifest, const char *name)
{
        const PathRoot *root = path_root_find(&manifest->roots, name);

        return root ? root->path : "/";
}

/* Appends a path below a root, or the root itself. */
static void append_path(const Manifest *manifest, const char *root, bool is_file, Text *text)
{
        const char *path = root_path(manifest, root);

        text_append(text, path);
        if (is_file)
                text_append(text, streq(path, "/") ? "FILE" : "/FILE");
        text_append_bytes(text, "", 1);
}

/* Appends a word that the class allows: a plain one, or else its first character. */
static void append_class_word(const ArgumentConstraint *constraint, Text *text)
{
        static char *const words[] = { (char *) "name", (char *) "NAME", (char *) "1" };
        ArgumentConstraint once = *constraint;

        once.repeat = CONSTRAINT_ONCE;
        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                if (constraints_match(&(const ArgumentConstraints){ &once, 1 }, &(const PathRoots){ 0 },
                                      &words[i], 1, NULL) == 0) {
                        append_word(words[i], text);
                        return;
                }

        append_word((const char[]){ constraint->word_class[0], '\0' }, text);
}

static void append_argument(const Manifest *manifest, const ArgumentConstraint *constraint, Text *text)
{
        switch (constraint->kind) {
        case CONSTRAINT_LITERAL:
                append_word(constraint->literal, text);
                break;
        case CONSTRAINT_ENUM:
                append_word(constraint->names.items[0], text);
                break;
        case CONSTRAINT_INTEGER:
                append_number(constraint->range[0], text);
                break;
        case CONSTRAINT_WORD:
                append_class_word(constraint, text);
                break;
        case CONSTRAINT_PATH:
                append_path(manifest, constraint->path_root, constraint->path_kind == PATH_FILE, text);
                break;
        default:
                break; /* CONSTRAINT_INSERT: is not typed */
        }
}

static void append_arguments(const Manifest *manifest, const ArgumentConstraints *constraints, Text *text)
{
        for (size_t i = 0; i < constraints->n; i++) {
                const ArgumentConstraint *it = &constraints->items[i];
                int64_t n = it->repeat == CONSTRAINT_ONCE   ? 1
                            : it->repeat == CONSTRAINT_MANY ? it->many_min
                                                            : 0;

                for (; n > 0; n--)
                        append_argument(manifest, it, text);
        }
}

/* The base name is enough where it names this program: dispatch looks it up in the manifest. */
static void append_program(const Manifest *manifest, const char *program, Text *text)
{
        const char *name = strrchr(program, '/') + 1;

        for (size_t i = 0; i < manifest->capabilities.n; i++) {
                const char *other = manifest->capabilities.items[i].bin;

                if (other && !streq(other, program) && endswith(other, name) &&
                    streq(strrchr(other, '/') + 1, name))
                        name = program;
        }
        append_word(name, text);
}

static const char *first(char *const *names, size_t n, const char *none)
{
        return n > 0 ? names[0] : none;
}

static void append_words(const Manifest *manifest, const Capability *it, Text *text)
{
        const char *root = first(it->roots.items, it->roots.n, "");
        const char *container = first(it->containers.items, it->containers.n, "CONTAINER");

        switch (it->kind) {
        case CAPABILITY_SHELL_EXEC:
                append_program(manifest, it->bin, text);
                append_arguments(manifest, &it->argv, text);
                break;
        case CAPABILITY_FS_LIST:
                append_path(manifest, root, false, text);
                break;
        case CAPABILITY_FS_READ:
                append_path(manifest, root, true, text);
                break;
        case CAPABILITY_FS_WRITE:
                append_path(manifest, root, true, text);
                append_word("TEXT", text);
                break;
        case CAPABILITY_DOCKER_LOGS:
                append_word(container, text);
                append_number(LOG_LINES, text);
                break;
        case CAPABILITY_DOCKER_EXEC:
                append_word(container, text);
                append_arguments(manifest, &it->argv, text);
                break;
        case CAPABILITY_SENSORS_READ:
                append_word(first(it->sensors.items, it->sensors.n, "SENSOR"), text);
                break;
        case CAPABILITY_SERVICE_STATUS:
        case CAPABILITY_SERVICE_RESTART:
                append_word(first(it->units.items, it->units.n, "UNIT"), text);
                break;
        case CAPABILITY_CAMERA_SNAPSHOT:
                append_word(first(it->cameras.items, it->cameras.n, "CAMERA"), text);
                break;
        }
}

int capability_example(const Manifest *manifest, const Capability *capability, ExampleWords *ret_words)
{
        _cleanup_(example_words_done) ExampleWords words = EXAMPLE_WORDS_NULL;

        append_words(manifest, capability, &words.text);
        if (words.text.error < 0)
                return words.text.error;

        *ret_words = TAKE(words, EXAMPLE_WORDS_NULL);
        return 0;
}

const char *example_words_next(const ExampleWords *words, const char *word)
{
        const char *next = word ? word + strlen(word) + 1 : words->text.data;

        return next && next < words->text.data + words->text.size ? next : NULL;
}
