/* SPDX-License-Identifier: MIT */
#pragma once

/* What in a manifest is dangerous, or cannot have been meant. What is refused is never signed, unless the
 * capability says in accept_risk why the operator wants it all the same: that sentence is signed with the
 * rest. What is only noted is for the operator to weigh. */

#include "trust/ceiling.h"
#include "trust/manifest.h"

typedef struct LintFinding {
        bool refused;       /* else a note */
        bool acceptable;    /* accept_risk would do */
        const char *rule;   /* "shell", "writes", "separator" */
        char path[128];     /* "capabilities[2]"; empty: the manifest */
        char subject[64];   /* the id of the capability, or a name */
        const char *advice; /* what is wrong and what to do */
} LintFinding;

#define LINT_MAX 1024

typedef struct LintReport {
        LintFinding *findings;
        size_t n, n_refused;
} LintReport;

#define LINT_REPORT_NULL ((LintReport){ 0 })

void lint_report_done(LintReport *report);

/* `ceiling` may be NULL. Errors: -ENOMEM. */
int manifest_lint(const Manifest *manifest, const Ceiling *ceiling, uint64_t now_ms, LintReport *ret_report);
