/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdio.h>

#include "ctl/manifest/file.h"
#include "ctl/manifest/linter.h"

/* Each finding on a line of its own, after file and line. Errors: -ENOMEM, of writing. */
int lint_print_findings(FILE *stream, const ManifestFile *file, const LintReport *report);
