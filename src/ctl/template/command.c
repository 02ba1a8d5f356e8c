/* SPDX-License-Identifier: MIT */
/* A command in a line of a template: recursive descent over its tokens. */

#include "ctl/template/command.h"

#include <stdarg.h>
#include <stdio.h>

#include "basic/parse.h"
#include "codec/strict-json.h"
#include "ctl/template/roots.h"

#define WORD_CLASS  "A-Za-z0-9_.-"
#define WORD_MAX    64
#define REPEATS_MAX 8

int line_fail(LineParser *parser, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        (void) vsnprintf(parser->reason, LINE_REASON_MAX, format, args);
        va_end(args);
        return -EBADMSG;
}

bool line_is_word(const LineParser *parser, const char *word)
{
        return parser->at->kind == TOKEN_WORD && streq(parser->at->text, word);
}

bool line_take(LineParser *parser, TokenKind kind)
{
        bool taken = parser->at->kind == kind;

        parser->at += taken;
        return taken;
}

bool line_take_word(LineParser *parser, const char *word)
{
        bool taken = line_is_word(parser, word);

        parser->at += taken;
        return taken;
}

static bool is_text(const Token *token)
{
        return token->kind == TOKEN_WORD || token->kind == TOKEN_QUOTED;
}

int line_take_root(LineParser *parser, const char **ret_name)
{
        const char *text = parser->at->text;

        if (!is_text(parser->at))
                return line_fail(parser,
                                 "a directory is expected here: the name of one in roots, or its path");

        int r = roots_resolve(parser->roots, text, ret_name);
        if (r == -ENOENT)
                return line_fail(
                        parser, "no directory has the name %.64s; add it to roots, or write its path", text);
        if (r == -EINVAL)
                return line_fail(parser, "%.64s has '.', '..', '//' or a slash at its end", text);
        if (r == 0)
                parser->at++;
        return r;
}

/* {key: value}; takes the value. NULL: no memory, or no value. */
static cJSON *wrap(const char *key, cJSON *value)
{
        cJSON *object = cJSON_CreateObject();

        if (value && object && cJSON_AddItemToObject(object, key, value))
                return object;

        cJSON_Delete(value);
        cJSON_Delete(object);
        return NULL;
}

static int take_place(LineParser *parser, const char *kind, cJSON **ret_item)
{
        const char *name;

        if (!line_take_word(parser, "in"))
                return line_fail(parser, "%s needs its directory: %s in /home", parser->at[-1].text,
                                 parser->at[-1].text);

        int r = line_take_root(parser, &name);
        if (r < 0)
                return r;

        cJSON *body = wrap("root", cJSON_CreateString(name));
        if (body && kind && !cJSON_AddStringToObject(body, "kind", kind)) {
                cJSON_Delete(body);
                return -ENOMEM;
        }
        *ret_item = wrap("path", body);
        return *ret_item ? 0 : -ENOMEM;
}

static int take_class(LineParser *parser, cJSON **ret_item)
{
        const char *class = WORD_CLASS;

        if (line_take_word(parser, "of")) {
                if (!is_text(parser->at))
                        return line_fail(parser, "`of` is followed by characters, such as a-z0-9");
                class = (parser->at++)->text;
        }

        cJSON *body = wrap("class", cJSON_CreateString(class));
        if (body && !cJSON_AddNumberToObject(body, "max", WORD_MAX)) {
                cJSON_Delete(body);
                return -ENOMEM;
        }
        *ret_item = wrap("word", body);
        return *ret_item ? 0 : -ENOMEM;
}

/* "1..100". Returns false if the word is something else. */
static bool parse_range(const char *word, int64_t ret_range[2])
{
        const char *dots = strstr(word, "..");
        char number[2][20];
        uint64_t value;

        if (!dots || dots - word >= (ptrdiff_t) sizeof number[0] || strlen(dots + 2) >= sizeof number[1])
                return false;

        (void) snprintf(number[0], sizeof number[0], "%.*s", (int) (dots - word), word);
        (void) snprintf(number[1], sizeof number[1], "%s", dots + 2);
        for (size_t i = 0; i < 2; i++) {
                if (parse_u64(number[i], 0, STRICT_JSON_INTEGER, &value) < 0)
                        return false;
                ret_range[i] = (int64_t) value;
        }

        return true;
}

static cJSON *make_range(const int64_t range[2])
{
        return wrap("int", cJSON_CreateDoubleArray((double[]){ (double) range[0], (double) range[1] }, 2));
}

/* One word or several with bars between them. */
static int take_alternatives(LineParser *parser, cJSON **ret_words)
{
        _cleanup_(json_deletep) cJSON *words = cJSON_CreateArray();

        if (!words)
                return -ENOMEM;

        do {
                if (!is_text(parser->at) || (cJSON_GetArraySize(words) > 0 && !parser->at->glued))
                        return line_fail(parser,
                                         "write alternatives without blanks: a|b (there are no pipes)");

                int r = json_tree_append(words, cJSON_CreateString((parser->at++)->text));
                if (r < 0)
                        return r;
                if (parser->at->kind == TOKEN_BAR && !parser->at->glued)
                        return line_fail(parser,
                                         "write alternatives without blanks: a|b (there are no pipes)");
        } while (line_take(parser, TOKEN_BAR));

        *ret_words = TAKE_PTR(words);
        return 0;
}

static int take_words(LineParser *parser, cJSON **ret_item)
{
        const char *key = line_is_word(parser, "--") ? "insert" : "lit";
        _cleanup_(json_deletep) cJSON *words = NULL;

        int r = take_alternatives(parser, &words);
        if (r < 0)
                return r;

        *ret_item = cJSON_GetArraySize(words) > 1 ? wrap("enum", TAKE_PTR(words))
                                                  : wrap(key, cJSON_DetachItemFromArray(words, 0));
        return *ret_item ? 0 : -ENOMEM;
}

static int take_item(LineParser *parser, cJSON **ret_item)
{
        static const struct {
                const char *word, *kind;
        } places[] = { { "DIR", "dir" }, { "FILE", "file" }, { "PATH", NULL } };
        int64_t range[2];

        for (size_t i = 0; i < ELEMENTSOF(places); i++)
                if (line_take_word(parser, places[i].word))
                        return take_place(parser, places[i].kind, ret_item);
        if (line_take_word(parser, "WORD"))
                return take_class(parser, ret_item);
        if (parser->at->kind == TOKEN_WORD && parse_range(parser->at->text, range)) {
                parser->at++;
                *ret_item = make_range(range);
                return *ret_item ? 0 : -ENOMEM;
        }
        if (!is_text(parser->at))
                return line_fail(parser, "an argument is expected here");

        return take_words(parser, ret_item);
}

static int take_argument(LineParser *parser, cJSON **ret_item)
{
        bool optional = line_take(parser, TOKEN_OPEN);
        cJSON *item = NULL;

        int r = take_item(parser, &item);
        if (r < 0)
                return r;

        if (line_take(parser, TOKEN_ELLIPSIS)) {
                cJSON *body = wrap("of", item);

                if (body && (!cJSON_AddNumberToObject(body, "min", !optional) ||
                             !cJSON_AddNumberToObject(body, "max", REPEATS_MAX))) {
                        cJSON_Delete(body);
                        return -ENOMEM;
                }
                item = wrap("many", body);
        } else if (optional)
                item = wrap("opt", item);
        if (!item)
                return -ENOMEM;

        if (optional && !line_take(parser, TOKEN_CLOSE)) {
                cJSON_Delete(item);
                return line_fail(parser, "brackets hold one argument each: [-l] [-a], or [-l|-a]");
        }
        *ret_item = item;
        return 0;
}

/* ---- where "--" belongs */

static bool has(const cJSON *item, const char *key)
{
        return cJSON_GetObjectItemCaseSensitive(item, key);
}

/* Without opt or many. */
static const cJSON *unwrap(const cJSON *item)
{
        const cJSON *many = cJSON_GetObjectItemCaseSensitive(item, "many");
        const cJSON *inner = many ? cJSON_GetObjectItemCaseSensitive(many, "of")
                                  : cJSON_GetObjectItemCaseSensitive(item, "opt");

        return inner ? inner : item;
}

static bool is_option(const cJSON *item)
{
        const cJSON *word = has(item, "enum") ? item->child->child : item->child;

        return cJSON_IsString(word) && *word->valuestring == '-' && !has(item, "insert");
}

static bool is_value(const cJSON *item)
{
        return has(item, "word") || has(item, "path");
}

/* The place for "--", or a negative number. */
static int separator_place(const cJSON *constraints)
{
        const cJSON *item, *before = NULL;
        int i = 0, place = -1;

        cJSON_ArrayForEach(item, constraints) {
                if (has(item, "insert"))
                        return -1;
                if (is_option(unwrap(item)))
                        place = -1;
                else if (place < 0 && is_value(unwrap(item)) && !(before && is_option(before)))
                        place = i;
                before = item; /* an option in brackets takes no value */
                i++;
        }

        return place;
}

/* cJSON_InsertItemInArray() of cJSON 1.7.15-1+deb12u4 fails in the middle of an array. */
static int insert_separator(cJSON *constraints)
{
        int place = separator_place(constraints), after = cJSON_GetArraySize(constraints) - place;

        if (place < 0)
                return 0;
        int r = json_tree_append(constraints, wrap("insert", cJSON_CreateString("--")));
        if (r < 0)
                return r;

        for (; after > 0; after--)
                (void) cJSON_AddItemToArray(constraints, cJSON_DetachItemFromArray(constraints, place));
        return 0;
}

int command_take(LineParser *parser, const char *end, cJSON **ret_programs, cJSON **ret_constraints)
{
        _cleanup_(json_deletep) cJSON *programs = NULL, *constraints = cJSON_CreateArray();

        if (!constraints)
                return -ENOMEM;
        if (!is_text(parser->at))
                return line_fail(parser, "a program is expected here");

        int r = take_alternatives(parser, &programs);
        while (r == 0 && parser->at->kind != TOKEN_END && parser->at->kind != TOKEN_COMMA &&
               !(end && line_is_word(parser, end))) {
                cJSON *item = NULL;

                r = take_argument(parser, &item);
                if (r == 0)
                        r = json_tree_append(constraints, item);
        }
        if (r == 0)
                r = insert_separator(constraints);
        if (r < 0)
                return r;

        *ret_programs = TAKE_PTR(programs);
        *ret_constraints = TAKE_PTR(constraints);
        return 0;
}
