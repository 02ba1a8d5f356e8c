/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdio.h>

#include "trust/manifest.h"

/* What a manifest lets its device do, by verb and approval, then for whom and for how long: for the person
 * who is about to sign it. Errors: -ENOMEM, of writing. */
int manifest_print_summary(const Manifest *manifest, uint64_t now_ms, FILE *stream);
