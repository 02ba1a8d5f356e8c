/* SPDX-License-Identifier: MIT */
#pragma once

/* What no manifest may go beyond on this machine: /etc/devbox/ceiling.yaml, owned by root, changed only by
 * hand. It bounds what a stolen operator key can do. */

#include "trust/manifest.h"

typedef struct Ceiling {
        LIST_OF(char *) capabilities; /* names: "shell.exec" */
        LIST_OF(char *) programs;     /* absolute paths, exactly */
        LIST_OF(char *) read;         /* directories; those below are inside */
        LIST_OF(char *) write;
        LIST_OF(char *) containers;
        LIST_OF(char *) units; /* restarts; the state of any unit may be asked */
        LIST_OF(char *) sensors;
        LIST_OF(char *) cameras;
} Ceiling;

extern const Schema ceiling_schema;
DEFINE_DOCUMENT(Ceiling, ceiling);

/* Whether all of the manifest lies inside. Errors: DEVBOX_ERROR_MANIFEST_CEILING; the fault (may be NULL)
 * then names the first capability and what of it lies outside. */
int ceiling_check(const Ceiling *ceiling, const Manifest *manifest, SchemaFault *ret_fault);
