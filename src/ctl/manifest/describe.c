/* SPDX-License-Identifier: MIT */
/* A manifest as a person reads it. */

#include "ctl/manifest/describe.h"

#include <inttypes.h>

/* A word that could be read as several, or as something else, stands in quotes. */
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

void manifest_describe(const Capability *capability, Text *text)
{
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
        if (capability->rate.n > 0)
                text_appendf(text, "; %" PRIi64 " per %" PRIi64 " s", capability->rate.n,
                             capability->rate.per_s);
        if (capability->window.days || capability->window.utc)
                text_appendf(text, "; days %s, %s UTC",
                             capability->window.days ? capability->window.days : "1-7",
                             capability->window.utc ? capability->window.utc : "00:00-24:00");
        if (capability->accept_risk)
                text_appendf(text, "; RISK ACCEPTED: %s", capability->accept_risk);
}
