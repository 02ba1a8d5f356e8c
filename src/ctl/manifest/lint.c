/* SPDX-License-Identifier: MIT */
/* devboxctl manifest lint: what in a manifest is dangerous. */

#include "ctl/manifest/lint-print.h"
#include "ctl/operator/options.h"
#include "ctl/print.h"
#include "ctl/verbs.h"

typedef struct LintOptions {
        const char *ceiling, *dir;
} LintOptions;

static int print_report_json(const ManifestFile *file, const LintReport *report)
{
        _cleanup_(json_done) Json json = JSON_NULL;

        json_open_object(&json, NULL);
        json_add_string(&json, "file", file->path);
        json_add_bool(&json, "signable", report->n_rejected == 0);
        json_open_array(&json, "findings");
        for (size_t i = 0; i < report->n; i++) {
                const LintFinding *finding = &report->findings[i];

                json_open_object(&json, NULL);
                json_add_string(&json, "rule", finding->rule);
                json_add_bool(&json, "refused", finding->rejected);
                json_add_bool(&json, "acceptable", finding->acceptable);
                json_add_string(&json, "path", finding->path);
                json_add_string(&json, "subject", finding->subject);
                json_add_u64(&json, "line", manifest_file_line(file, finding->path));
                json_add_string(&json, "advice", finding->advice);
                json_close_object(&json);
        }
        json_close_array(&json);
        json_close_object(&json);
        return print_json(&json);
}

static int run(Ctl *ctl, const void *options, char **args)
{
        _cleanup_(manifest_file_done) ManifestFile file = MANIFEST_FILE_NULL;
        _cleanup_(lint_report_done) LintReport report = LINT_REPORT_NULL;
        _cleanup_(ceiling_freep) Ceiling *ceiling = NULL;
        const LintOptions *given = options;
        const ManifestDefaults defaults = manifest_defaults(ctl->now_ms, given->dir);

        int r = manifest_file_read(args[0], &defaults, &file, &ctl->problem);
        if (r == 0 && given->ceiling)
                r = ceiling_file_read(given->ceiling, ctl->now_ms, &ceiling, &ctl->problem);
        if (r == 0)
                r = manifest_lint(file.manifest, ceiling, ctl->now_ms, &report);
        if (r != 0)
                return r;

        ctl->status = report.n_rejected == 0 ? CTL_OK : CTL_PROBLEM;
        if (ctl->json)
                return print_report_json(&file, &report);

        r = lint_print_findings(stdout, ctl->colour, &file, &report);
        return r < 0 || report.n_rejected > 0 ? r : print_line(stdout, "%s: ok", args[0]);
}

static const Option options[] = {
        { "ceiling", &option_file, offsetof(LintOptions, ceiling), "a ceiling that must hold the manifest" },
        DIRECTORY_OPTION(offsetof(LintOptions, dir)),
        { 0 },
};

const Verb verb_manifest_lint = {
        .noun = "manifest",
        .name = "lint",
        .arguments = "FILE",
        .help = "show what in a manifest or template is dangerous",
        .example = "manifest lint laptop.yaml",
        .statuses = "failure, or the manifest would not be signed",
        VERB_OPTIONS(LintOptions, options),
        .run = run,
};
