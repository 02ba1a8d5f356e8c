/* SPDX-License-Identifier: MIT */
#pragma once

/* Every fault of a manifest that a person wrote, not only the first. */

#include "codec/yaml.h"
#include "trust/manifest.h"

/* `tree` is the manifest that `yaml`, the file at `path`, was converted to; schema_bind() found `first`.
 * Returns DEVBOX_ERROR_BAD_SCHEMA with a line for each field and each member of a list that is not valid.
 * Errors: -ENOMEM. */
int manifest_reject_faults(const char *path, const YamlNode *yaml, const cJSON *tree,
                           const SchemaFault *first, char **ret_problem);
