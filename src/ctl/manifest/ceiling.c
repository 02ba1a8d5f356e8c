/* SPDX-License-Identifier: MIT */
/* devboxctl manifest ceiling: whether a machine's ceiling holds a manifest, or a ceiling that just does. */

#include <stdio.h>

#include "ctl/manifest/file.h"
#include "ctl/operator/options.h"
#include "ctl/print.h"
#include "ctl/problem.h"
#include "ctl/verbs.h"

#define CEILING_PATH "/etc/devbox/ceiling.yaml"

typedef struct CeilingOptions {
        const char *ceiling, *dir;
        bool print;
} CeilingOptions;

typedef struct NameList {
        const char *names[1024];
        size_t n;
} NameList;

static void add_name(NameList *list, const char *name)
{
        for (size_t i = 0; i < list->n; i++)
                if (streq(list->names[i], name))
                        return;
        if (list->n < ELEMENTSOF(list->names))
                list->names[list->n++] = name;
}

static void add_names(NameList *list, char *const *names, size_t n)
{
        for (size_t i = 0; i < n; i++)
                add_name(list, names[i]);
}

static void add_roots(NameList *list, const Manifest *manifest, const Capability *capability)
{
        for (size_t i = 0; i < capability->roots.n; i++)
                add_name(list, path_root_find(&manifest->roots, capability->roots.items[i])->path);
        for (size_t i = 0; i < capability->argv.n; i++)
                if (capability->argv.items[i].kind == CONSTRAINT_PATH)
                        add_name(
                                list,
                                path_root_find(&manifest->roots, capability->argv.items[i].path_root)->path);
}

/* A text in double quotes, as YAML and JSON both read it. Names of a manifest have no control characters. */
static void print_list(const char *key, const NameList *list)
{
        if (list->n == 0) {
                (void) printf("%s: []\n", key);
                return;
        }

        (void) printf("%s:\n", key);
        for (size_t i = 0; i < list->n; i++) {
                (void) printf("  - \"");
                for (const char *at = list->names[i]; *at != '\0'; at++)
                        (void) printf("%s%c", *at == '"' || *at == '\\' ? "\\" : "", *at);
                (void) printf("\"\n");
        }
}

typedef enum { KINDS, PROGRAMS, READ, WRITE, CONTAINERS, UNITS, SENSORS, CAMERAS, _LISTS } List;

static void collect(const Manifest *manifest, const Capability *capability, NameList lists[static _LISTS])
{
        add_name(&lists[KINDS], capability_kind_name((CapabilityKind) capability->kind));
        if (capability->bin)
                add_name(&lists[PROGRAMS], capability->bin);
        add_roots(&lists[capability->kind == CAPABILITY_FS_WRITE ? WRITE : READ], manifest, capability);
        if (capability->kind != CAPABILITY_DOCKER_LIST)
                add_names(&lists[CONTAINERS], capability->containers.items, capability->containers.n);
        if (capability->kind == CAPABILITY_SERVICE_RESTART)
                add_names(&lists[UNITS], capability->units.items, capability->units.n);
        add_names(&lists[SENSORS], capability->sensors.items, capability->sensors.n);
        add_names(&lists[CAMERAS], capability->cameras.items, capability->cameras.n);
}

static int print_ceiling(const Manifest *manifest)
{
        static const char *const keys[_LISTS] = { "capabilities", "programs", "read",    "write",
                                                  "containers",   "units",    "sensors", "cameras" };
        _cleanup_(freep) NameList *lists = calloc(_LISTS, sizeof *lists);

        if (!lists)
                return -ENOMEM;

        for (size_t i = 0; i < manifest->capabilities.n; i++)
                collect(manifest, &manifest->capabilities.items[i], lists);

        if (printf("# What no manifest may exceed on this machine. Owned by root, changed only by hand: it\n"
                   "# bounds the programs and places that a stolen operator key can reach, not the\n"
                   "# arguments of programs. Remove what you do not need, first of all programs that\n"
                   "# start others.\n"
                   "v: 1\n") < 0)
                return -errno;
        for (int i = 0; i < _LISTS; i++)
                print_list(keys[i], &lists[i]);
        return 0;
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
        ManifestDefaults defaults = manifest_defaults(ctl->now_ms);
        const CeilingOptions *given = options;

        defaults.dir = given->dir;
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
        .options = options,
        .options_size = sizeof(CeilingOptions),
        .defaults = &(const CeilingOptions){ .ceiling = CEILING_PATH },
        .run = run,
};
