/* SPDX-License-Identifier: MIT */
/* A template as a document: its head, its roots, and its capabilities in entries.c. */

#include "ctl/template/template.h"

#include <stdarg.h>
#include <stdio.h>

#include "codec/strict-json.h"
#include "ctl/template/template-internal.h"
#include "proto/id.h"

#define NAMES_MAX 64

static bool name_valid(const char *text)
{
        return label_valid(text) || principal_valid(text);
}

#define AT(member) offsetof(TemplateHead, member)

/* clang-format off */
static const SchemaField head_fields[] = {
        { "operators", SCHEMA_STRINGS, true, AT(operators), 0, NAMES_MAX, .valid = name_valid },
        { "approvers", SCHEMA_STRINGS, false, AT(approvers), 0, NAMES_MAX, .valid = name_valid },
        { "expires_at", SCHEMA_TIMESTAMP, false, AT(expires_at_ms), 0, SCHEMA_INTEGER_MAX },
        { "approval_self", SCHEMA_BOOLEAN, false, AT(approval_self) },
        { "limits", SCHEMA_CONSTANT }, /* these are only names here; see convert_member() */
        { "roots", SCHEMA_CONSTANT },
        { "capabilities", SCHEMA_CONSTANT },
};
/* clang-format on */

static const Schema head_schema = { .size = sizeof(TemplateHead), SCHEMA_TABLE(head_fields) };

int template_fail(YamlProblems *problems, unsigned line, const char *format, ...)
{
        YamlProblem problem = { .line = line };
        va_list args;

        va_start(args, format);
        (void) vsnprintf(problem.reason, sizeof problem.reason, format, args);
        va_end(args);
        yaml_problems_add(problems, &problem);
        return -EBADMSG;
}

const YamlNode *template_find(const YamlNode *node, const char *key)
{
        const YamlNode *member = yaml_node_kind(node) == YAML_KIND_MAP ? yaml_node_first(node) : NULL;

        while (member && !streq(yaml_node_key(member), key))
                member = yaml_node_next(member);
        return member;
}

/* "home: /home". */
static int add_root(TemplateBuilder *builder, const YamlNode *node)
{
        const char *path = yaml_node_kind(node) == YAML_KIND_SCALAR ? yaml_node_text(node) : "";
        const char *name = yaml_node_key(node);
        _cleanup_(json_deletep) cJSON *root = cJSON_CreateObject();

        if (!label_valid(name))
                return template_fail(builder->problems, yaml_node_key_line(node), "the name of a root %s",
                                     id_form(label_valid));
        if (!absolute_path_valid(path))
                return template_fail(builder->problems, yaml_node_line(node), "%s %s", name,
                                     id_form(absolute_path_valid));
        if (!root || !cJSON_AddStringToObject(root, "name", name) ||
            !cJSON_AddStringToObject(root, "path", path) || !cJSON_AddItemToArray(builder->roots, root))
                return -ENOMEM;

        root = NULL;
        return 0;
}

static int add_roots(TemplateBuilder *builder, const YamlNode *map)
{
        if (yaml_node_kind(map) != YAML_KIND_MAP && !yaml_node_is_null(map))
                return template_fail(builder->problems, yaml_node_line(map),
                                     "roots must be a map of names and paths, such as home: /home");

        int r = 0;
        for (const YamlNode *node = yaml_node_first(map); node && (r == 0 || r == -EBADMSG);
             node = yaml_node_next(node))
                r = add_root(builder, node);
        return r;
}

static int convert_member(TemplateBuilder *builder, const YamlNode *member, cJSON *head)
{
        const char *key = yaml_node_key(member);

        if (streq(key, "capabilities")) /* in entries.c, when the roots are known */
                return 0;
        if (streq(key, "roots"))
                return add_roots(builder, member);
        if (streq(key, "limits"))
                return schema_yaml_convert_member(&manifest_policy_schema, member, builder->now_ms,
                                                  builder->template->policy, builder->problems);

        return schema_yaml_convert_member(&head_schema, member, builder->now_ms, head, builder->problems);
}

static int convert_head(TemplateBuilder *builder)
{
        _cleanup_(json_deletep) cJSON *head = cJSON_CreateObject();
        Template *template = builder->template;
        int r = head ? 0 : -ENOMEM;

        for (const YamlNode *member = yaml_node_first(template->yaml); member && (r == 0 || r == -EBADMSG);
             member = yaml_node_next(member))
                r = convert_member(builder, member, head);
        if (r < 0 && r != -EBADMSG)
                return r;

        return schema_yaml_bind(&head_schema, template->yaml, head, (void **) &template->head,
                                builder->problems);
}

bool template_is(const YamlNode *yaml)
{
        return yaml_node_kind(yaml) == YAML_KIND_MAP && !template_find(yaml, "device") &&
               !template_find(yaml, "dev_pub");
}

Template *template_free(Template *template)
{
        if (template) {
                schema_free(&head_schema, template->head);
                cJSON_Delete(template->policy);
        }
        free(template);
        return NULL;
}

int template_parse(const YamlNode *yaml, uint64_t now_ms, Template **ret_template, YamlProblems *problems)
{
        _cleanup_(template_freep) Template *template = calloc(1, sizeof *template);
        _cleanup_(json_deletep) cJSON *ids = cJSON_CreateObject();
        TemplateBuilder builder = { template, now_ms, problems, .ids = ids };

        if (!template || !ids)
                return -ENOMEM;
        if (yaml_node_kind(yaml) != YAML_KIND_MAP)
                return template_fail(problems, yaml_node_line(yaml),
                                     "a map of keys and values is expected here");

        template->yaml = yaml;
        template->now_ms = now_ms;
        template->policy = cJSON_CreateObject();
        builder.roots = cJSON_AddArrayToObject(template->policy, "roots");
        builder.entries = cJSON_AddArrayToObject(template->policy, "capabilities");
        if (!builder.roots || !builder.entries)
                return -ENOMEM;

        int r = convert_head(&builder);
        if (r == 0 || r == -EBADMSG)
                r = template_expand_entries(&builder);
        if (r == 0 && problems->n > 0)
                r = -EBADMSG;
        if (r < 0)
                return r;

        *ret_template = TAKE_PTR(template);
        return 0;
}
