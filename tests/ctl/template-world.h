/* SPDX-License-Identifier: MIT */
#pragma once

/* Templates and people for tests. */

#include "ctl/template/template.h"

#define TEMPLATE_NOW INT64_C(1760000000000)

/* The beginning of a template, before its capabilities; they begin on line 4. */
#define TEMPLATE_HEAD "operators: [ana]\nroots: {home: /home, inbox: /srv/inbox}\ncapabilities:\n"

typedef struct Parsed {
        YamlNode *yaml;
        Template *template; /* NULL: it was rejected */
        Manifest *manifest; /* expanded; NULL: it was rejected */
        YamlProblems problems;
} Parsed;

/* Parses the text and expands it with template_people(). Returns what the first that failed returned, or 0.
 */
int parsed_init(Parsed *parsed, const char *text);
void parsed_done(Parsed *parsed);

/* ana, a Matrix and a local user with both keys, and ben, both of the group admins; eve, a local user with a
 * key. */
People *template_people(void);

/* A part of the expanded template as JSON, which the caller frees. */
char *template_part(const char *text, const char *part);
