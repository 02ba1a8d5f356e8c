/* SPDX-License-Identifier: MIT */
/* One line for what a capability allows. */

#include "ctl/manifest/describe.h"

#include <inttypes.h>

#include "basic/text.h"
#include "codec/strict-json.h"

/* Quotes a word that could be read as several, or as syntax. */
static void describe_word(const char *word, Text *text)
{
        if (*word != '\0' && !strpbrk(word, " |()[]{};,\"\\")) {
                text_append(text, word);
                return;
        }

        text_append(text, "\"");
        for (; *word != '\0'; word++) {
                if (*word == '"' || *word == '\\')
                        text_append(text, "\\");
                text_append_bytes(text, word, 1);
        }
        text_append(text, "\"");
}

static void describe_names(char *const *names, size_t n, const char *between, Text *text)
{
        for (size_t i = 0; i < n; i++) {
                text_append(text, i > 0 ? between : "");
                describe_word(names[i], text);
        }
}

static void describe_once(const ArgumentConstraint *item, Text *text)
{
        static const char *const kinds[_PATH_KIND_MAX] = { "PATH", "FILE", "DIR" };

        switch (item->kind) {
        case CONSTRAINT_LITERAL:
                describe_word(item->literal, text);
                break;
        case CONSTRAINT_ENUM:
                describe_names(item->names.items, item->names.n, "|", text);
                break;
        case CONSTRAINT_INSERT:
                text_append(text, "adds ");
                describe_word(item->literal, text);
                break;
        case CONSTRAINT_INTEGER:
                text_appendf(text, "%" PRIi64 "..%" PRIi64, item->range[0], item->range[1]);
                break;
        case CONSTRAINT_WORD:
                text_appendf(text, "WORD of %s", item->word_class);
                break;
        case CONSTRAINT_PATH:
                text_appendf(text, "%s in %s", kinds[item->path_kind], item->path_root);
                break;
        }
}

static void describe_items(const ArgumentConstraints *items, Text *text)
{
        for (size_t i = 0; i < items->n; i++) {
                const ArgumentConstraint *item = &items->items[i];
                bool plain = item->kind == CONSTRAINT_LITERAL && item->repeat == CONSTRAINT_ONCE;

                text_append(text, plain ? " " : item->repeat == CONSTRAINT_ONCE ? " (" : " [");
                describe_once(item, text);
                text_append(text, plain ? "" : item->repeat == CONSTRAINT_ONCE ? ")" : "]");
                if (item->repeat == CONSTRAINT_MANY)
                        text_appendf(text, "{%" PRIi64 ",%" PRIi64 "}", item->many_min, item->many_max);
        }
}

/* ---- what else is not the default */

/* How a member is written that is no part of what describe_subject() shows: before, value, after. */
static const struct {
        const char *key, *before, *after;
} phrases[] = {
        { "cwd", "in ", "" },
        { "sha256", "only with sha256 ", "" },
        { "env", "with ", "" },
        { "user", "as user ", "" },
        { "replace", "may replace files", NULL },
        { "allow_privileged_container", "IN PRIVILEGED CONTAINERS TOO", NULL },
        { "exec_kill", "ended by ", "" },
        { "max_bytes", "at most ", " bytes" },
        { "max_width", "at most ", " pixels wide" },
        { "max_height", "at most ", " pixels high" },
        { "timeout_s", "at most ", " s" },
        { "max_output", "at most ", " bytes of output" },
        { "max_age_s", "requests at most ", " s old" },
        { "approval_self", "requesters may approve their own requests", NULL },
        { "queue", "never queued", NULL },
        { "strict", "only under a confirmed manifest", NULL },
        { "redact", "not kept in the audit chain: ", "" },
        { "accept_risk", "RISK ACCEPTED: ", "" },
};

static void describe_object(const cJSON *object, Text *text)
{
        const char *between = "";
        const cJSON *member;

        cJSON_ArrayForEach(member, object) {
                text_appendf(text, "%s%s=%s", between, member->string, member->valuestring);
                between = ", ";
        }
}

static void describe_value(const cJSON *value, Text *text)
{
        const char *between = "";
        const cJSON *member;

        if (cJSON_IsNumber(value))
                text_appendf(text, "%.0f", value->valuedouble);
        else if (cJSON_IsString(value))
                text_append(text, value->valuestring);
        else if (cJSON_IsObject(value))
                describe_object(value, text);
        else
                cJSON_ArrayForEach(member, value) {
                        text_append(text, between);
                        describe_word(strempty(member->valuestring), text);
                        between = ", ";
                }
}

static void describe_member(const cJSON *member, Text *text)
{
        for (size_t i = 0; i < ELEMENTSOF(phrases); i++)
                if (streq(phrases[i].key, member->string)) {
                        text_append(text, phrases[i].before);
                        if (phrases[i].after) {
                                describe_value(member, text);
                                text_append(text, phrases[i].after);
                        }
                        return;
                }

        text_appendf(text, "%s ", member->string);
        describe_value(member, text);
}

/* Columns of their own, and what describe_subject() and describe_limits() write. */
static bool is_shown_elsewhere(const char *key)
{
        static const char *const keys[] = { "name",    "id",   "approval", "approval_count", "containers",
                                            "bin",     "argv", "roots",    "sensors",        "units",
                                            "cameras", "rate", "window" };

        for (size_t i = 0; i < ELEMENTSOF(keys); i++)
                if (streq(keys[i], key))
                        return true;

        return false;
}

static void describe_subject(const Capability *capability, Text *text)
{
        if (capability->kind == CAPABILITY_DOCKER_LIST && capability->containers.n == 0)
                text_append(text, "every container");
        describe_names(capability->containers.items, capability->containers.n, ", ", text);
        if (capability->kind == CAPABILITY_DOCKER_EXEC)
                text_append(text, ":");
        if (capability->bin)
                describe_word(capability->bin, text);
        describe_items(&capability->argv, text);
        describe_names(capability->roots.items, capability->roots.n, ", ", text);
        describe_names(capability->sensors.items, capability->sensors.n, ", ", text);
        describe_names(capability->units.items, capability->units.n, ", ", text);
        describe_names(capability->cameras.items, capability->cameras.n, ", ", text);
}

static void describe_limits(const Capability *capability, Text *text)
{
        if (capability->rate.n > 0)
                text_appendf(text, "; %" PRIi64 " per %" PRIi64 " s", capability->rate.n,
                             capability->rate.per_s);
        if (capability->window.days || capability->window.utc)
                text_appendf(text, "; days %s, %s UTC",
                             capability->window.days ? capability->window.days : "1-7",
                             capability->window.utc ? capability->window.utc : "00:00-24:00");
}

int manifest_describe_capability(const Capability *capability, char **ret_line)
{
        _cleanup_(text_done) Text text = TEXT_NULL;
        _cleanup_(json_deletep) cJSON *tree = NULL;
        const cJSON *member;

        int r = schema_build(&capability_schema, capability, &tree, NULL); /* without what is the default */
        if (r != 0)
                return r > 0 ? -EINVAL : r;

        describe_subject(capability, &text);
        describe_limits(capability, &text);
        cJSON_ArrayForEach(member, tree) {
                if (is_shown_elsewhere(member->string))
                        continue;
                text_append(&text, "; ");
                describe_member(member, &text);
        }

        return text_take(&text, ret_line, NULL);
}
