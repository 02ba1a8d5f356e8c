/* SPDX-License-Identifier: MIT */
/* devboxctl manifest ceiling: whether a machine's ceiling holds a manifest, or a ceiling that just does. */

#include <stdio.h>

#include "ctl/manifest/file.h"
#include "ctl/print.h"

#define CEILING_PATH "/etc/devbox/ceiling.yaml"

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

        if (printf("# What no manifest may go beyond on this machine. Owned by root, changed only by hand:\n"
                   "# it bounds what a stolen operator key can do. Take out what you do not need.\n"
                   "v: 1\n") < 0)
                return -errno;
        for (int i = 0; i < _LISTS; i++)
                print_list(keys[i], &lists[i]);
        return CTL_FINE;
}

int ctl_manifest_ceiling(const Ctl *ctl, char **args)
{
        _cleanup_(manifest_file_done) ManifestFile file = MANIFEST_FILE_NULL;
        _cleanup_(ceiling_freep) Ceiling *ceiling = NULL;
        ManifestDefaults defaults = manifest_defaults();
        SchemaFault fault = { 0 };

        int r = manifest_load(ctl, args[0], &defaults, &file);
        if (r != 0)
                return r;
        if (ctl->options[OPTION_PRINT])
                return print_ceiling(file.manifest);

        r = manifest_load_ceiling(ctl, CEILING_PATH, &ceiling);
        if (r != 0)
                return r;

        r = ceiling_check(ceiling, file.manifest, &fault);
        if (r > 0) {
                unsigned line = manifest_file_line(&file, fault.path);

                return line > 0 ? print_failure(ctl, (DevboxError) r, "%s:%u: %s %s", args[0], line,
                                                fault.path, fault.why)
                                : print_failure(ctl, (DevboxError) r, "%s: %s %s", args[0], fault.path,
                                                fault.why);
        }
        if (r < 0)
                return r;
        if (ctl->json)
                return puts("{\"inside\":true}") < 0 ? -errno : CTL_FINE;

        return print_line(stdout, "%s: inside the ceiling", args[0]);
}
