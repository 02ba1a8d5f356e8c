/* SPDX-License-Identifier: MIT */
#pragma once

/* The ceiling: the most that any manifest may allow on this machine. /etc/devbox/ceiling.yaml, owned by
 * root, changed only by hand. It bounds the programs, directories and units that a stolen operator key
 * can reach, not the arguments. */

#include "schema/yaml.h"
#include "trust/manifest.h"

typedef struct Ceiling {
        LIST_OF(char *) capabilities; /* names: "shell.exec" */
        LIST_OF(char *) programs;     /* absolute paths, exactly */
        LIST_OF(char *) read;         /* directories; those below are inside */
        LIST_OF(char *) write;
        LIST_OF(char *) containers;
        LIST_OF(char *) units; /* for restarts; the status of any unit may be read */
        LIST_OF(char *) sensors;
        LIST_OF(char *) cameras;
} Ceiling;

extern const Schema ceiling_schema;
DEFINE_DOCUMENT(Ceiling, ceiling);

/* Whether the whole manifest is inside the ceiling. Errors: DEVBOX_ERROR_MANIFEST_CEILING; the fault (may be
 * NULL) then names the first capability that is not, and why. */
int ceiling_check(const Ceiling *ceiling, const Manifest *manifest, SchemaFault *ret_fault);

/* The same from capability `*at` on; moves that behind the one it names, to find all of them. */
int ceiling_check_next(const Ceiling *ceiling, const Manifest *manifest, size_t *at, SchemaFault *ret_fault);

/* Reads the file, whoever owns it. Errors: -EBADMSG, then `problems`, YAML_PROBLEMS_NULL at first, says
 * where and why; those of fd_read_file_at(). */
int ceiling_read_at(int directory_fd, const char *name, Ceiling **ret_ceiling, YamlProblems *problems);
