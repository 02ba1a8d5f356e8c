/* SPDX-License-Identifier: MIT */
/* The short form of capabilities. */

#include "ctl/template/short-form.h"

#include <stdio.h>

#include "codec/strict-json.h"
#include "ctl/template/roots.h"
#include "proto/id.h"

/* How a line of this form is read. */
typedef struct Syntax {
        int (*expand)(LineParser *parser, const ShortForm *form, cJSON *entries);
        const char *list; /* of a list of names: their key in the entry */
        int (*take_name)(LineParser *parser, cJSON **ret_name);
} Syntax;

static int add_string(cJSON *object, const char *key, const char *value)
{
        return cJSON_AddStringToObject(object, key, value) ? 0 : -ENOMEM;
}

/* A new entry of a kind; `id` is the base of its id, any text. */
static int add_entry(cJSON *entries, CapabilityKind kind, const char *id, cJSON **ret_entry)
{
        cJSON *entry = cJSON_CreateObject();
        char label[LABEL_SIZE];

        int r = json_tree_append(entries, entry);
        if (r < 0)
                return r;

        label_from(id, label);
        *ret_entry = entry;
        r = add_string(entry, "name", capability_kind_name(kind));
        return r < 0 ? r : add_string(entry, "id", label);
}

/* Whether the line goes on with what only its end may have. */
static bool is_at_approval(const LineParser *parser)
{
        return parser->at->kind == TOKEN_COMMA && parser->at[1].kind == TOKEN_WORD &&
               streq(parser->at[1].text, "ask");
}

/* ---- lists of names */

static int give_name(const char *name, cJSON **ret_name)
{
        *ret_name = cJSON_CreateString(name);
        return *ret_name ? 0 : -ENOMEM;
}

static int take_word(LineParser *parser, cJSON **ret_name)
{
        if (parser->at->kind != TOKEN_WORD && parser->at->kind != TOKEN_QUOTED)
                return line_fail(parser, "a name is expected here");

        return give_name((parser->at++)->text, ret_name);
}

static int take_root(LineParser *parser, cJSON **ret_name)
{
        const char *name = NULL;

        int r = line_take_root(parser, &name);
        return r < 0 ? r : give_name(name, ret_name);
}

/* "nginx" is nginx.service. */
static int take_unit(LineParser *parser, cJSON **ret_name)
{
        const char *text = parser->at->text;
        _cleanup_(freep) char *unit = NULL;

        if (unit_name_valid(text) || *text == '\0')
                return take_word(parser, ret_name);
        if (asprintf(&unit, "%s.service", text) < 0)
                return -ENOMEM;

        parser->at++;
        return give_name(unit, ret_name);
}

static int expand_names(LineParser *parser, const ShortForm *form, cJSON *entries)
{
        cJSON *entry = NULL;

        int r = add_entry(entries, form->kind, form->key, &entry);
        if (r < 0)
                return r;
        cJSON *names = cJSON_AddArrayToObject(entry, form->syntax->list);
        if (!names)
                return -ENOMEM;

        do {
                cJSON *name = NULL;

                r = form->syntax->take_name(parser, &name);
                if (r == 0)
                        r = json_tree_append(names, name);
                if (r < 0)
                        return r;
        } while (!is_at_approval(parser) && line_take(parser, TOKEN_COMMA));

        return 0;
}

/* ---- commands */

static int add_command(cJSON *entry, const char *program, const cJSON *constraints)
{
        _cleanup_(freep) char *path = NULL;

        if (asprintf(&path, "%s%s", *program == '/' ? "" : "/usr/bin/", program) < 0)
                return -ENOMEM;

        int r = add_string(entry, "bin", path);
        return r < 0 ? r : json_tree_add(entry, "argv", cJSON_Duplicate(constraints, true));
}

/* In a container the program is the first of the arguments. */
static int add_container_command(cJSON *entry, const char *program, const cJSON *constraints)
{
        cJSON *argv = cJSON_AddArrayToObject(entry, "argv"), *literal = cJSON_CreateObject();
        const cJSON *constraint;

        int r = json_tree_append(argv, literal);
        if (r == 0)
                r = add_string(literal, "lit", program);
        cJSON_ArrayForEach(constraint, constraints)
                if (r == 0)
                        r = json_tree_append(argv, cJSON_Duplicate(constraint, true));
        return r;
}

/* An entry for each program. `end`: the word that ends the command; NULL: none. */
static int expand_command(LineParser *parser, CapabilityKind kind, const char *end, cJSON *entries)
{
        _cleanup_(json_deletep) cJSON *programs = NULL, *constraints = NULL;
        const cJSON *program;

        int r = command_take(parser, end, &programs, &constraints);
        if (r < 0)
                return r;

        cJSON_ArrayForEach(program, programs) {
                const char *name = program->valuestring;
                cJSON *entry;

                r = add_entry(entries, kind, strrchr(name, '/') ? strrchr(name, '/') + 1 : name, &entry);
                if (r == 0)
                        r = kind == CAPABILITY_DOCKER_EXEC ? add_container_command(entry, name, constraints)
                                                           : add_command(entry, name, constraints);
                if (r < 0)
                        return r;
        }

        return 0;
}

static int expand_run(LineParser *parser, const ShortForm *form, cJSON *entries)
{
        return expand_command(parser, form->kind, NULL, entries);
}

/* ---- docker */

static int take_action(LineParser *parser, cJSON *entries)
{
        cJSON *entry;

        if (line_take_word(parser, "list"))
                return add_entry(entries, CAPABILITY_DOCKER_LIST, "containers", &entry);
        if (line_take_word(parser, "logs"))
                return add_entry(entries, CAPABILITY_DOCKER_LOGS, "logs", &entry);
        if (line_take_word(parser, "exec"))
                return expand_command(parser, CAPABILITY_DOCKER_EXEC, "in", entries);

        return line_fail(parser, "docker is followed by list, logs or exec COMMAND");
}

/* "in web|db". */
static int take_containers(LineParser *parser, cJSON **ret_names)
{
        _cleanup_(json_deletep) cJSON *names = cJSON_CreateArray();

        do {
                if (parser->at->kind != TOKEN_WORD)
                        return line_fail(parser, "`in` is followed by containers: in web|db");

                int r = json_tree_append(names, cJSON_CreateString((parser->at++)->text));
                if (r < 0)
                        return r;
        } while (line_take(parser, TOKEN_BAR));

        *ret_names = TAKE_PTR(names);
        return 0;
}

static int expand_docker(LineParser *parser, const ShortForm *form, cJSON *entries)
{
        _cleanup_(json_deletep) cJSON *containers = NULL;
        cJSON *entry;
        int r;

        do {
                r = take_action(parser, entries);
                if (r < 0)
                        return r;
        } while (!is_at_approval(parser) && line_take(parser, TOKEN_COMMA));

        if (line_take_word(parser, "in")) {
                r = take_containers(parser, &containers);
                if (r < 0)
                        return r;
        }

        cJSON_ArrayForEach(entry, entries) {
                const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(entry, "name"));

                if (containers)
                        r = json_tree_add(entry, "containers", cJSON_Duplicate(containers, true));
                else if (!streq(name, capability_kind_name(CAPABILITY_DOCKER_LIST)))
                        return line_fail(parser, "name the containers at the end: in web|db");
                if (r < 0)
                        return r;
        }

        return 0;
}

/* ---- the whole line */

static int take_approval(LineParser *parser, const char **ret_tier)
{
        *ret_tier = approval_tier_names[APPROVAL_NONE];
        if (!is_at_approval(parser))
                return 0;

        *ret_tier = approval_tier_names[APPROVAL_MESSAGE];
        parser->at += 2;
        if (!line_take(parser, TOKEN_BEGIN))
                return 0;

        for (int tier = APPROVAL_NONE + 1; tier < _APPROVAL_TIER_MAX; tier++)
                if (line_take_word(parser, approval_tier_names[tier])) {
                        *ret_tier = approval_tier_names[tier];
                        return line_take(parser, TOKEN_FINISH) ? 0 : line_fail(parser, "a ) is missing");
                }

        return line_fail(parser, "ask takes a tier: ask(reaction), ask(message) or ask(signed)");
}

#define NAMES(list_, take)                                                                                  \
        &(const Syntax)                                                                                     \
        {                                                                                                   \
                expand_names, list_, take                                                                   \
        }

const ShortForm short_forms[] = {
        { "run", CAPABILITY_SHELL_EXEC, &(const Syntax){ expand_run } },
        { "list", CAPABILITY_FS_LIST, NAMES("roots", take_root) },
        { "read", CAPABILITY_FS_READ, NAMES("roots", take_root) },
        { "write", CAPABILITY_FS_WRITE, NAMES("roots", take_root) },
        { "docker", CAPABILITY_DOCKER_EXEC, &(const Syntax){ expand_docker } },
        { "service", CAPABILITY_SERVICE_STATUS, NAMES("units", take_unit) },
        { "restart", CAPABILITY_SERVICE_RESTART, NAMES("units", take_unit) },
        { "sensors", CAPABILITY_SENSORS_READ, NAMES("sensors", take_word) },
        { "camera", CAPABILITY_CAMERA_SNAPSHOT, NAMES("cameras", take_word) },
        { NULL },
};

int short_form_expand(const ShortForm *form, const char *line, cJSON *roots, cJSON **ret_entries,
                      char ret_reason[static LINE_REASON_MAX])
{
        _cleanup_(json_deletep) cJSON *entries = cJSON_CreateArray();
        const char *tier = NULL;
        cJSON *entry;
        Tokens tokens;

        if (!entries)
                return -ENOMEM;
        int r = tokens_split(line, &tokens, ret_reason);
        if (r < 0)
                return r;

        LineParser parser = { tokens.items, roots, ret_reason };
        r = form->syntax->expand(&parser, form, entries);
        if (r == 0)
                r = take_approval(&parser, &tier);
        if (r == 0 && parser.at->kind != TOKEN_END)
                r = line_fail(
                        &parser,
                        "nothing but `, ask` or `, ask(TIER)` may follow; one line allows one of these");
        cJSON_ArrayForEach(entry, entries)
                if (r == 0)
                        r = add_string(entry, "approval", tier);
        if (r < 0)
                return r;

        *ret_entries = TAKE_PTR(entries);
        return 0;
}
