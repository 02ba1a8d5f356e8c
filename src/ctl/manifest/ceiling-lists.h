/* SPDX-License-Identifier: MIT */
#pragma once

/* The lists of a ceiling while one is made: what a manifest needs, and what that adds to the ceiling of a
 * machine. Names are borrowed from manifest and ceiling. */

#include "basic/text.h"
#include "trust/ceiling.h"

enum { CEILING_LISTS = 8 };

typedef struct CeilingLists {
        struct CeilingList {
                const char *names[1024]; /* the rest is left out: no ceiling has so many */
                size_t n;
        } lists[CEILING_LISTS];
} CeilingLists;

/* "programs" */
const char *ceiling_list_key(size_t list);

/* All that a manifest needs of a ceiling that just holds it. */
void ceiling_lists_add_manifest(CeilingLists *lists, const Manifest *manifest);
void ceiling_lists_add_ceiling(CeilingLists *lists, const Ceiling *ceiling);

/* Leaves what is beyond the ceiling. Returns how much that is. */
size_t ceiling_lists_remove_ceiling(CeilingLists *lists, const Ceiling *ceiling);

/* As YAML, for /etc/devbox/ceiling.yaml. */
void ceiling_lists_format(const CeilingLists *lists, Text *text);
