/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdio.h>

#include "trust/manifest.h"

/* All of a manifest, for a person: facts, then a line for each capability. `signature` is what is
 * known of its signature. Errors: -ENOMEM, of writing; -EINVAL the manifest is not valid. */
int manifest_print(const Manifest *manifest, const char *signature, FILE *stream, bool colour);

/* Only the lines for capabilities, and at their ends an example if `examples`. Errors: the same. */
int manifest_print_capabilities(const Manifest *manifest, bool examples, FILE *stream, bool colour);
