/* SPDX-License-Identifier: MIT */
/* devboxctl manifest ceiling: whether a machine's ceiling holds a manifest, or a ceiling that just does. */

#include "ctl/manifest/ceiling-lists.h"
#include "ctl/manifest/file.h"
#include "ctl/operator/options.h"
#include "ctl/print.h"
#include "ctl/problem.h"
#include "ctl/verbs.h"

typedef struct CeilingOptions {
        const char *ceiling, *dir;
        bool print;
} CeilingOptions;

static int print_ceiling(const Manifest *manifest)
{
        _cleanup_(freep) CeilingLists *lists = calloc(1, sizeof *lists);
        _cleanup_(text_done) Text text = TEXT_NULL;

        if (!lists)
                return -ENOMEM;

        ceiling_lists_add_manifest(lists, manifest);
        ceiling_lists_format(lists, &text);
        if (text.error < 0)
                return text.error;

        return fputs(text.data, stdout) < 0 ? -errno : 0;
}

static int add_problem(Ctl *ctl, const ManifestFile *file, const SchemaFault *fault)
{
        DevboxError error = DEVBOX_ERROR_MANIFEST_CEILING;
        unsigned line = manifest_file_line(file, fault->path);

        return line > 0
                       ? problem_add(&ctl->problem, error, "%s:%u: %s %s", file->path, line, fault->path,
                                     fault->why)
                       : problem_add(&ctl->problem, error, "%s: %s %s", file->path, fault->path, fault->why);
}

/* Every capability that is not inside. */
static int check(Ctl *ctl, const ManifestFile *file, const Ceiling *ceiling)
{
        SchemaFault fault = { 0 };
        size_t at = 0;
        int r = 0;

        while (r >= 0 && ceiling_check_next(ceiling, file->manifest, &at, &fault) != 0)
                r = add_problem(ctl, file, &fault);

        return r;
}

/* Before the first one is installed. */
static int read_ceiling(Ctl *ctl, const CeilingOptions *given, const char *manifest, Ceiling **ret_ceiling)
{
        int r = ceiling_file_read(given->ceiling, ctl->now_ms, ret_ceiling, &ctl->problem);

        return r != DEVBOX_ERROR_NOT_FOUND
                       ? r
                       : problem_set(&ctl->problem, DEVBOX_ERROR_NOT_FOUND,
                                     "%s does not exist, so no manifest is allowed; for one that just holds "
                                     "this manifest, run: devboxctl manifest ceiling --print %s",
                                     given->ceiling, manifest);
}

static int run(Ctl *ctl, const void *options, char **args)
{
        _cleanup_(manifest_file_done) ManifestFile file = MANIFEST_FILE_NULL;
        _cleanup_(ceiling_freep) Ceiling *ceiling = NULL;
        const CeilingOptions *given = options;
        const ManifestDefaults defaults = manifest_defaults(ctl->now_ms, given->dir);

        int r = manifest_file_read(args[0], &defaults, &file, &ctl->problem);
        if (r != 0)
                return r;
        if (given->print)
                return print_ceiling(file.manifest);

        r = read_ceiling(ctl, given, args[0], &ceiling);
        if (r == 0)
                r = check(ctl, &file, ceiling);
        if (r != 0)
                return r;
        if (ctl->json)
                return puts("{\"inside\":true}") < 0 ? -errno : 0;

        return print_line(stdout, "%s: inside the ceiling", args[0]);
}

static const Option options[] = {
        { "ceiling", &option_file, offsetof(CeilingOptions, ceiling), "the ceiling (" CEILING_PATH ")" },
        { "print", &option_switch, offsetof(CeilingOptions, print),
          "print a ceiling that just holds the manifest" },
        DIRECTORY_OPTION(offsetof(CeilingOptions, dir)),
        { 0 },
};

const Verb verb_manifest_ceiling = {
        .noun = "manifest",
        .name = "ceiling",
        .arguments = "FILE",
        .help = "check a manifest against this machine's ceiling, or print one",
        .example = "manifest ceiling --print laptop.yaml",
        .statuses = "failure, or the manifest exceeds the ceiling",
        VERB_OPTIONS(CeilingOptions, options),
        .defaults = &(const CeilingOptions){ .ceiling = CEILING_PATH },
        .run = run,
};
