/* SPDX-License-Identifier: MIT */
#pragma once

/* A manifest in a file: YAML that a person wrote, a template among them, or signed. Functions return 0, or a
 * DevboxError with its detail, which the caller frees. Errors: -ENOMEM. */

#include "ctl/template/template.h"
#include "trust/ceiling.h"
#include "trust/envelope.h"
#include "trust/manifest.h"

typedef struct ManifestFile {
        const char *path;   /* borrowed */
        Manifest *manifest; /* of a template: what template_expand() gives */
        Envelope *envelope; /* NULL: it was YAML. It is not verified. */
        YamlNode *yaml;     /* NULL: it was signed */
        Template *template; /* NULL: it was a whole manifest */
        People *people;     /* of a template */
} ManifestFile;

#define MANIFEST_FILE_NULL ((ManifestFile){ 0 })

/* What signing fills in where the YAML leaves it out; `epoch` must be that of the root. */
typedef struct ManifestDefaults {
        int64_t epoch, version;
        int64_t issued_at_ms, expires_at_ms;
        Sha256 previous; /* zero: none */
        const char *dir; /* the operator's, which has the people of templates; NULL: the default */
} ManifestDefaults;

/* Epoch and version 1, from now on for 30 days: for looking at a manifest before it is signed. */
ManifestDefaults manifest_defaults(uint64_t now_ms, const char *dir);

/* Any of these. `defaults` are for YAML. */
int manifest_file_read(const char *path, const ManifestDefaults *defaults, ManifestFile *ret_file,
                       char **ret_problem);

/* Makes the manifest of a template whole. */
int manifest_file_fill(ManifestFile *file, const ManifestFacts *facts, char **ret_problem);

void manifest_file_done(ManifestFile *file);

/* The line of a part such as "capabilities[2]", or 0 if the file was signed. */
unsigned manifest_file_line(const ManifestFile *file, const char *part);

/* Where this machine's ceiling is: $DEVBOX_CEILING, as the ledger has it, or CEILING_PATH. */
#define CEILING_PATH "/etc/devbox/ceiling.yaml"
const char *ceiling_path(void);

/* A machine's ceiling, which is YAML. */
int ceiling_file_read(const char *path, uint64_t now_ms, Ceiling **ret_ceiling, char **ret_problem);
