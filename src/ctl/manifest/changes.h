/* SPDX-License-Identifier: MIT */
#pragma once

#include <cjson/cJSON.h>

#include "ctl/verb.h"

/* Prints what changes between the trees of two manifests: for a person a line for each side, or one JSON
 * document. `ret_n` is how many changes. Errors: -ENOMEM, of writing. */
int manifest_print_changes(const Ctl *ctl, const cJSON *old, const cJSON *new, size_t *ret_n);

/* What signing fills in, and what a template does not have beside that. End with NULL. */
extern const char *const manifest_filled_keys[], *const manifest_device_keys[];

void manifest_tree_drop(cJSON *tree, const char *const *keys);
