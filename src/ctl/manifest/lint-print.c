/* SPDX-License-Identifier: MIT */
/* Findings of the linter for a person. */

#include "ctl/manifest/lint-print.h"

#include "ctl/print.h"

static int print_finding(FILE *stream, const ManifestFile *file, const LintFinding *finding)
{
        unsigned line = manifest_file_line(file, finding->path);
        bool named = *finding->subject != '\0';
        char number[16] = "";

        if (line > 0)
                (void) snprintf(number, sizeof number, "%u:", line);
        return print_line(stream, "%s:%s %s%s%s%s [%s]", file->path, number,
                          finding->refused ? "" : "note: ", named ? finding->subject : finding->path,
                          named || *finding->path ? ": " : "", finding->advice, finding->rule);
}

int lint_print_findings(FILE *stream, const ManifestFile *file, const LintReport *report)
{
        int r = 0;

        for (size_t i = 0; i < report->n && r == 0; i++)
                r = print_finding(stream, file, &report->findings[i]);
        return r;
}
