/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdio.h>

#include "ctl/manifest/file.h"
#include "ctl/manifest/linter.h"

/* Each finding on a line of its own, after file and line; in colour if `colour`. Errors: -ENOMEM, of
 * writing. */
int lint_print_findings(FILE *stream, bool colour, const ManifestFile *file, const LintReport *report);
