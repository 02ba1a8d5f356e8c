/* SPDX-License-Identifier: MIT */
/* The lists of a ceiling while one is made. */

#include "ctl/manifest/ceiling-lists.h"

#include "proto/id.h"

typedef LIST_OF(char *) Names;

enum { KINDS, PROGRAMS, READ, WRITE, CONTAINERS, UNITS, SENSORS, CAMERAS };

static const struct {
        const char *key;
        size_t offset;    /* of the list in a ceiling */
        bool directories; /* those below are inside */
} table[CEILING_LISTS] = {
        [KINDS] = { "capabilities", offsetof(Ceiling, capabilities) },
        [PROGRAMS] = { "programs", offsetof(Ceiling, programs) },
        [READ] = { "read", offsetof(Ceiling, read), true },
        [WRITE] = { "write", offsetof(Ceiling, write), true },
        [CONTAINERS] = { "containers", offsetof(Ceiling, containers) },
        [UNITS] = { "units", offsetof(Ceiling, units) },
        [SENSORS] = { "sensors", offsetof(Ceiling, sensors) },
        [CAMERAS] = { "cameras", offsetof(Ceiling, cameras) },
};

const char *ceiling_list_key(size_t list)
{
        return table[list].key;
}

static const Names *names_of(const Ceiling *ceiling, size_t list)
{
        return (const Names *) (const void *) ((const char *) ceiling + table[list].offset);
}

static void add_name(struct CeilingList *list, const char *name)
{
        for (size_t i = 0; i < list->n; i++)
                if (streq(list->names[i], name))
                        return;
        if (list->n < ELEMENTSOF(list->names))
                list->names[list->n++] = name;
}

static void add_names(struct CeilingList *list, char *const *names, size_t n)
{
        for (size_t i = 0; i < n; i++)
                add_name(list, names[i]);
}

static void add_roots(struct CeilingList *list, const Manifest *manifest, const Capability *capability)
{
        for (size_t i = 0; i < capability->roots.n; i++)
                add_name(list, path_root_find(&manifest->roots, capability->roots.items[i])->path);
        for (size_t i = 0; i < capability->argv.n; i++)
                if (capability->argv.items[i].kind == CONSTRAINT_PATH)
                        add_name(
                                list,
                                path_root_find(&manifest->roots, capability->argv.items[i].path_root)->path);
}

static void add_capability(CeilingLists *all, const Manifest *manifest, const Capability *capability)
{
        struct CeilingList *lists = all->lists;

        add_name(&lists[KINDS], capability_kind_name((CapabilityKind) capability->kind));
        if (capability->bin)
                add_name(&lists[PROGRAMS], capability->bin);
        if (capability->kind == CAPABILITY_SHELL_EXEC && capability->cwd && !streq(capability->cwd, "/"))
                add_name(&lists[READ], capability->cwd);
        add_roots(&lists[capability->kind == CAPABILITY_FS_WRITE ? WRITE : READ], manifest, capability);
        if (capability->kind != CAPABILITY_DOCKER_LIST)
                add_names(&lists[CONTAINERS], capability->containers.items, capability->containers.n);
        if (capability->kind == CAPABILITY_SERVICE_RESTART)
                add_names(&lists[UNITS], capability->units.items, capability->units.n);
        add_names(&lists[SENSORS], capability->sensors.items, capability->sensors.n);
        add_names(&lists[CAMERAS], capability->cameras.items, capability->cameras.n);
}

void ceiling_lists_add_manifest(CeilingLists *lists, const Manifest *manifest)
{
        for (size_t i = 0; i < manifest->capabilities.n; i++)
                add_capability(lists, manifest, &manifest->capabilities.items[i]);
}

void ceiling_lists_add_ceiling(CeilingLists *lists, const Ceiling *ceiling)
{
        for (size_t i = 0; i < CEILING_LISTS; i++)
                add_names(&lists->lists[i], names_of(ceiling, i)->items, names_of(ceiling, i)->n);
}

static bool is_inside(const Ceiling *ceiling, size_t list, const char *name)
{
        const Names *names = names_of(ceiling, list);

        for (size_t i = 0; i < names->n; i++)
                if (table[list].directories ? path_is_under(name, names->items[i])
                                            : streq(name, names->items[i]))
                        return true;

        return false;
}

size_t ceiling_lists_remove_ceiling(CeilingLists *lists, const Ceiling *ceiling)
{
        size_t n_left = 0;

        for (size_t i = 0; i < CEILING_LISTS; i++) {
                struct CeilingList *list = &lists->lists[i];
                size_t n = 0;

                for (size_t j = 0; j < list->n; j++)
                        if (!is_inside(ceiling, i, list->names[j]))
                                list->names[n++] = list->names[j];
                list->n = n;
                n_left += n;
        }

        return n_left;
}

/* A text in double quotes, as YAML and JSON both read it. Names of a manifest have no control characters. */
static void format_name(const char *name, Text *text)
{
        text_append(text, "  - \"");
        for (; *name != '\0'; name++) {
                text_append(text, *name == '"' || *name == '\\' ? "\\" : "");
                text_append_bytes(text, name, 1);
        }
        text_append(text, "\"\n");
}

void ceiling_lists_format(const CeilingLists *lists, Text *text)
{
        text_append(
                text,
                "# What no manifest may exceed on this machine. Owned by root, changed only by hand: it\n"
                "# bounds the programs and places that a stolen operator key can reach, not the\n"
                "# arguments of programs. Remove what you do not need, first of all programs that\n"
                "# start others.\n"
                "v: 1\n");
        for (size_t i = 0; i < CEILING_LISTS; i++) {
                const struct CeilingList *list = &lists->lists[i];

                text_appendf(text, "%s:%s\n", table[i].key, list->n == 0 ? " []" : "");
                for (size_t j = 0; j < list->n; j++)
                        format_name(list->names[j], text);
        }
}
