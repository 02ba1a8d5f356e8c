/* SPDX-License-Identifier: MIT */
/* The capabilities of a template: lines of the short form, each expanded to full entries, beside entries
 * that are written in full. */

#include "codec/strict-json.h"
#include "ctl/template/roots.h"
#include "ctl/template/short-form.h"
#include "ctl/template/template-internal.h"

#define ASKING_AGE_S 300

static int fail_fault(YamlProblems *problems, const YamlNode *node, const SchemaFault *fault)
{
        return template_fail(problems, yaml_node_line(yaml_node_at(node, fault->path)), "%s%s%s",
                             fault->path, *fault->path ? " " : "this ", fault->why);
}

static const char *text_of(const cJSON *object, const char *key)
{
        return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
}

static bool id_is_used(const void *ids, const char *id)
{
        return cJSON_GetObjectItemCaseSensitive(ids, id);
}

static int replace_string(cJSON *object, const char *key, const char *value)
{
        cJSON_DeleteItemFromObjectCaseSensitive(object, key);
        return cJSON_AddStringToObject(object, key, value) ? 0 : -ENOMEM;
}

/* Makes the id of an expanded entry the only one of its name. */
static int number_id(TemplateBuilder *builder, cJSON *entry)
{
        char id[LABEL_SIZE];

        label_unique(strempty(text_of(entry, "id")), id_is_used, builder->ids, id);
        int r = replace_string(entry, "id", id);
        return r < 0 ? r : replace_string(builder->ids, id, "");
}

static bool says(const cJSON *entry, const char *key)
{
        return cJSON_GetObjectItemCaseSensitive(entry, key);
}

/* What a capability that asks gets where it does not say: the template's approval_self, and the time that
 * people have to approve, for which the request must live. */
static int add_asking(const TemplateBuilder *builder, cJSON *entry)
{
        const TemplateHead *head = builder->template->head;
        const char *tier = strempty(text_of(entry, "approval"));

        if (streq(tier, approval_tier_names[APPROVAL_NONE]))
                return 0;
        if (head && head->approval_self && !says(entry, "approval_self") &&
            !cJSON_AddBoolToObject(entry, "approval_self", true))
                return -ENOMEM;
        if (!says(entry, "max_age_s") && !cJSON_AddNumberToObject(entry, "max_age_s", ASKING_AGE_S))
                return -ENOMEM;

        return 0;
}

/* Checks an entry that is complete, and adds it. Takes the entry. */
static int add_entry(TemplateBuilder *builder, const YamlNode *node, cJSON *entry)
{
        _cleanup_(json_deletep) cJSON *owned = entry;
        Template *template = builder->template;
        SchemaFault fault = { 0 };
        void *object;

        int r = add_asking(builder, entry);
        if (r == 0)
                r = schema_bind(&capability_schema, entry, &object, &fault);
        if (r < 0)
                return r;
        if (r > 0)
                return fail_fault(builder->problems, node, &fault);
        schema_free(&capability_schema, object);

        if (template->n_sources == TEMPLATE_ENTRIES_MAX)
                return template_fail(builder->problems, yaml_node_line(node),
                                     "a manifest has at most %d capabilities", TEMPLATE_ENTRIES_MAX);
        if (!cJSON_AddItemToArray(builder->entries, entry))
                return -ENOMEM;
        template->sources[template->n_sources++] = node;
        owned = NULL;
        return 0;
}

/* A line says how a command in a container ends: by timeout(1). */
static int add_exec_kill(cJSON *entry)
{
        bool executes =
                streq(strempty(text_of(entry, "name")), capability_kind_name(CAPABILITY_DOCKER_EXEC));

        if (!executes || cJSON_GetObjectItemCaseSensitive(entry, "exec_kill"))
                return 0;

        return cJSON_AddStringToObject(entry, "exec_kill", "timeout") ? 0 : -ENOMEM;
}

/* Adds to an expanded entry the options beside its line. */
static int add_options(TemplateBuilder *builder, const YamlNode *node, const cJSON *options, cJSON *entry)
{
        const cJSON *option;

        cJSON_ArrayForEach(option, options) {
                bool replaces = streq(option->string, "id") || (streq(option->string, "approval") &&
                                                                streq(strempty(text_of(entry, "approval")),
                                                                      approval_tier_names[APPROVAL_NONE]));

                if (replaces)
                        cJSON_DeleteItemFromObjectCaseSensitive(entry, option->string);
                if (cJSON_GetObjectItemCaseSensitive(entry, option->string))
                        return template_fail(builder->problems,
                                             yaml_node_line(yaml_node_at(node, option->string)),
                                             "the line already says %s", option->string);

                int r = json_tree_add(entry, option->string, cJSON_Duplicate(option, true));
                if (r < 0)
                        return r;
        }

        return add_exec_kill(entry);
}

/* The members beside the line, by the table of the kind. */
static int convert_options(TemplateBuilder *builder, const ShortForm *form, const YamlNode *node,
                           cJSON *options)
{
        const Schema *schema = capability_schema.variant(NULL, &(Capability){ .kind = form->kind });
        int result = 0;

        for (const YamlNode *member = yaml_node_first(node); member; member = yaml_node_next(member)) {
                if (streq(yaml_node_key(member), form->key))
                        continue;

                int r = schema_yaml_convert_member(schema, member, builder->now_ms, options,
                                                   builder->problems);
                if (r < 0 && r != -EBADMSG)
                        return r;
                result = r < 0 ? r : result;
        }

        return result;
}

static int expand_line(TemplateBuilder *builder, const ShortForm *form, const YamlNode *node,
                       const YamlNode *line)
{
        _cleanup_(json_deletep) cJSON *options = cJSON_CreateObject(), *entries = NULL;
        char reason[LINE_REASON_MAX];
        cJSON *entry;

        if (!options)
                return -ENOMEM;
        if (yaml_node_kind(line) != YAML_KIND_SCALAR)
                return template_fail(builder->problems, yaml_node_line(line),
                                     "%s: one line is expected here", form->key);

        int r = convert_options(builder, form, node, options);
        int expanded = short_form_expand(form, yaml_node_text(line), builder->roots, &entries, reason);
        if (expanded == -EBADMSG)
                return template_fail(builder->problems, yaml_node_line(line), "%s: %s", form->key, reason);
        if (r < 0 || expanded < 0)
                return r < 0 ? r : expanded;

        bool named = cJSON_GetObjectItemCaseSensitive(options, "id");
        if (named && cJSON_GetArraySize(entries) > 1)
                return template_fail(builder->problems, yaml_node_line(node),
                                     "an id names one capability, and this line gives %d",
                                     cJSON_GetArraySize(entries));

        while ((entry = cJSON_DetachItemFromArray(entries, 0))) {
                r = add_options(builder, node, options, entry);
                if (r == 0 && !named)
                        r = number_id(builder, entry);
                if (r < 0) {
                        cJSON_Delete(entry);
                        return r;
                }
                r = add_entry(builder, node, entry);
                if (r < 0)
                        return r;
        }

        return 0;
}

/* An entry that is written in full. */
static int convert_entry(TemplateBuilder *builder, const YamlNode *node)
{
        cJSON *entry = NULL;

        int r = schema_yaml_convert(&capability_schema, node, builder->now_ms, &entry, builder->problems);
        return r < 0 ? r : add_entry(builder, node, entry);
}

static int expand_entry(TemplateBuilder *builder, const YamlNode *node)
{
        const ShortForm *form = NULL;
        const YamlNode *line = NULL;

        for (const ShortForm *it = short_forms; it->key; it++) {
                const YamlNode *member = template_find(node, it->key);

                if (member && form)
                        return template_fail(builder->problems, yaml_node_key_line(member),
                                             "%s and %s are two capabilities: begin each with a hyphen",
                                             form->key, it->key);
                form = member ? it : form;
                line = member ? member : line;
        }

        if (form)
                return expand_line(builder, form, node, line);
        if (template_find(node, "name"))
                return convert_entry(builder, node);

        return template_fail(
                builder->problems, yaml_node_line(node),
                "a capability has one of run, list, read, write, docker, service, restart, sensors, camera, "
                "or a name; see devbox-template(5)");
}

/* Ids that are written come first, wherever they are: those of lines are numbered around them. */
static int reserve_ids(TemplateBuilder *builder, const YamlNode *list)
{
        for (const YamlNode *entry = yaml_node_first(list); entry; entry = yaml_node_next(entry)) {
                const YamlNode *id = template_find(entry, "id");
                bool written = id && yaml_node_kind(id) == YAML_KIND_SCALAR;

                int r = written ? replace_string(builder->ids, yaml_node_text(id), "") : 0;
                if (r < 0)
                        return r;
        }

        return 0;
}

int template_expand_entries(TemplateBuilder *builder)
{
        const YamlNode *list = template_find(builder->template->yaml, "capabilities");

        if (!list)
                return template_fail(builder->problems, 0, "capabilities is missing");
        if (yaml_node_kind(list) != YAML_KIND_LIST && !yaml_node_is_null(list))
                return template_fail(builder->problems, yaml_node_line(list), "capabilities must be a list");

        int r = reserve_ids(builder, list);
        for (const YamlNode *node = yaml_node_first(list); node && (r == 0 || r == -EBADMSG);
             node = yaml_node_next(node))
                r = expand_entry(builder, node);
        return r == -EBADMSG ? 0 : r; /* there are problems */
}
