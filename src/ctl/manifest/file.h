/* SPDX-License-Identifier: MIT */
#pragma once

/* A manifest in a file: as YAML that a person wrote, or signed. Functions return 0, or an exit status after
 * they said what is wrong. Errors: -ENOMEM, of writing. */

#include "codec/yaml.h"
#include "ctl/ctl.h"
#include "trust/ceiling.h"
#include "trust/envelope.h"
#include "trust/manifest.h"

typedef struct ManifestFile {
        const char *path; /* borrowed */
        Manifest *manifest;
        Envelope *envelope; /* NULL: it was YAML. Nobody has verified it yet. */
        YamlNode *yaml;     /* NULL: it was signed */
} ManifestFile;

#define MANIFEST_FILE_NULL ((ManifestFile){ 0 })

/* What signing fills in where the YAML leaves it out; `epoch` must be that of the root. */
typedef struct ManifestDefaults {
        int64_t epoch, version;
        int64_t issued_at_ms, expires_at_ms;
        Sha256 previous; /* zero: none */
} ManifestDefaults;

/* Epoch and version 1, from now on for 30 days: for looking at a manifest before it is signed. */
ManifestDefaults manifest_defaults(void);

/* Either kind. `defaults` are for YAML. */
int manifest_load(const Ctl *ctl, const char *path, const ManifestDefaults *defaults,
                  ManifestFile *ret_file);

void manifest_file_done(ManifestFile *file);

/* The line of a part such as "capabilities[2]", or 0 if the file was signed. */
unsigned manifest_file_line(const ManifestFile *file, const char *part);

/* The machine's ceiling, from --ceiling, or `fallback` (may be NULL: then `ret_ceiling` stays NULL without
 * the option). */
int manifest_load_ceiling(const Ctl *ctl, const char *fallback, Ceiling **ret_ceiling);
