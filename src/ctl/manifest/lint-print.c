/* SPDX-License-Identifier: MIT */
/* Findings of the linter for a person. */

#include "ctl/manifest/lint-print.h"

#include "ctl/print.h"

static int print_finding(FILE *stream, bool colour, const ManifestFile *file, const LintFinding *finding)
{
        _cleanup_(table_done) Table line = { .n_columns = 1 };
        unsigned number = manifest_file_line(file, finding->path);
        bool named = *finding->subject != '\0';
        char place[16] = "";

        if (number > 0)
                (void) snprintf(place, sizeof place, "%u:", number);
        table_add(&line, finding->rejected ? STYLE_BAD : STYLE_PLAIN, "%s:%s %s%s%s%s [%s]", file->path,
                  place, finding->rejected ? "" : "note: ", named ? finding->subject : finding->path,
                  named || *finding->path ? ": " : "", finding->advice, finding->rule);
        return table_print(&line, stream, colour);
}

int lint_print_findings(FILE *stream, bool colour, const ManifestFile *file, const LintReport *report)
{
        int r = 0;

        for (size_t i = 0; i < report->n && r == 0; i++)
                r = print_finding(stream, colour, file, &report->findings[i]);
        return r;
}
