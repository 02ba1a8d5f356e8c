/* SPDX-License-Identifier: MIT */
#pragma once

/* What in a manifest is dangerous, or cannot be intended. A manifest with a rejection is not signed, unless
 * the capability has the reason in accept_risk, which is signed with the rest. Notes are for the operator to
 * decide. */

#include "trust/ceiling.h"
#include "trust/manifest.h"

typedef struct LintFinding {
        bool rejected;      /* else a note */
        bool acceptable;    /* accept_risk would do */
        const char *rule;   /* "shell", "writes", "separator" */
        char path[128];     /* "capabilities[2]"; empty: the manifest */
        char subject[64];   /* the id of the capability, or a name */
        const char *advice; /* what is wrong and what to do */
} LintFinding;

#define LINT_MAX 1024

typedef struct LintReport {
        LintFinding *findings;
        size_t n, n_rejected;
} LintReport;

#define LINT_REPORT_NULL ((LintReport){ 0 })

void lint_report_done(LintReport *report);

/* `ceiling` may be NULL. Errors: -ENOMEM. */
int manifest_lint(const Manifest *manifest, const Ceiling *ceiling, uint64_t now_ms, LintReport *ret_report);
