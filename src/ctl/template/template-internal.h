/* SPDX-License-Identifier: MIT */
#pragma once

/* What the files of a template share. */

#include "ctl/template/template.h"

/* What a template has that a manifest has not. */
typedef struct TemplateHead {
        LIST_OF(char *) operators, approvers; /* people, groups or principals */
        int64_t expires_at_ms;                /* 0: in 30 days */
        bool approval_self;                   /* of capabilities that do not say */
} TemplateHead;

#define TEMPLATE_ENTRIES_MAX 256

struct Template {
        const YamlNode *yaml;
        uint64_t now_ms;
        TemplateHead *head;
        cJSON *policy; /* of manifest_policy_schema, without people */
        const YamlNode
                *sources[TEMPLATE_ENTRIES_MAX]; /* the node that each capability of the policy is from */
        size_t n_sources;
};

/* While it is parsed. */
typedef struct TemplateBuilder {
        Template *template;
        uint64_t now_ms;
        YamlProblems *problems;
        cJSON *roots, *entries; /* of the policy */
        cJSON *ids;             /* an object that has the ids in use as keys */
} TemplateBuilder;

/* Adds a problem and returns -EBADMSG. */
int template_fail(YamlProblems *problems, unsigned line, const char *format, ...) _printf_(3, 4);

/* NULL: the node is no map, or has no such member. */
const YamlNode *template_find(const YamlNode *node, const char *key);

/* Expands the capabilities into the policy; the roots are known and the head may be NULL. What cannot be
 * expanded is left out and added to the problems. Errors: -ENOMEM. */
int template_expand_entries(TemplateBuilder *builder);
