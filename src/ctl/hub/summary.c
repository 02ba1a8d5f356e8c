/* SPDX-License-Identifier: MIT */
/* A manifest in a few lines. */

#include "ctl/hub/summary.h"

#include <inttypes.h>

#include "ctl/print.h"

#define DAY_MS 86400000

/* Appends what a capability reaches, with commas. */
typedef void (*SubjectWriter)(const Manifest *manifest, const Capability *capability, Text *text);

/* Whether it is one of those in the list so far. */
static bool is_listed(const Text *text, const char *subject)
{
        size_t length = strlen(subject);

        for (const char *at = text->data; at && (at = strstr(at, subject)); at++)
                if ((at == text->data || at[-1] == ' ') && (at[length] == '\0' || at[length] == ','))
                        return true;

        return false;
}

static void add(Text *text, const char *before, const char *subject)
{
        if (is_listed(text, subject))
                return;

        text_append(text, text->size > 0 ? ", " : before);
        text_append(text, subject);
}

static void add_program(const Manifest *manifest, const Capability *capability, Text *text)
{
        add(text, "", strrchr(capability->bin, '/') + 1);
}

static void add_roots(const Manifest *manifest, const Capability *capability, Text *text)
{
        for (size_t i = 0; i < capability->roots.n; i++)
                add(text, "below ", path_root_find(&manifest->roots, capability->roots.items[i])->path);
}

static void add_kind(const Manifest *manifest, const Capability *capability, Text *text)
{
        add(text, "", capability_kind_name((CapabilityKind) capability->kind));
}

static void add_units(const Manifest *manifest, const Capability *capability, Text *text)
{
        for (size_t i = 0; i < capability->units.n; i++)
                add(text, "", capability->units.items[i]);
}

/* In the order in which they are shown. */
static const struct Group {
        const char *verb;
        CapabilityKind first, last;
        SubjectWriter write;
} groups[] = {
        { "run", CAPABILITY_SHELL_EXEC, CAPABILITY_SHELL_EXEC, add_program },
        { "list", CAPABILITY_FS_LIST, CAPABILITY_FS_LIST, add_roots },
        { "read", CAPABILITY_FS_READ, CAPABILITY_FS_READ, add_roots },
        { "write", CAPABILITY_FS_WRITE, CAPABILITY_FS_WRITE, add_roots },
        { "use", CAPABILITY_DOCKER_LIST, CAPABILITY_SENSORS_READ, add_kind },
        { "watch", CAPABILITY_SERVICE_STATUS, CAPABILITY_SERVICE_STATUS, add_units },
        { "restart", CAPABILITY_SERVICE_RESTART, CAPABILITY_SERVICE_RESTART, add_units },
        { "use", CAPABILITY_CAMERA_SNAPSHOT, CAPABILITY_CAMERA_SNAPSHOT, add_kind },
};

static void add_approval(Table *table, int tier)
{
        if (tier == APPROVAL_NONE)
                table_add(table, STYLE_PLAIN, "on its own");
        else
                table_add(table, STYLE_GOOD, "after an approval (%s)", approval_tier_names[tier]);
}

static int add_row(Table *table, const Manifest *manifest, const struct Group *group, int tier)
{
        _cleanup_(text_done) Text subjects = TEXT_NULL;

        for (size_t i = 0; i < manifest->capabilities.n; i++) {
                const Capability *capability = &manifest->capabilities.items[i];

                if (capability->kind >= (int) group->first && capability->kind <= (int) group->last &&
                    capability->approval == tier)
                        group->write(manifest, capability, &subjects);
        }
        if (subjects.size > 0) {
                table_add(table, STYLE_PLAIN, "  %s", group->verb);
                table_add(table, STYLE_PLAIN, "%s", subjects.data);
                add_approval(table, tier);
        }
        return subjects.error;
}

static int print_people(const Manifest *manifest, uint64_t now_ms, FILE *stream)
{
        _cleanup_(text_done) Text people = TEXT_NULL;
        int64_t left_ms = manifest->expires_at_ms - (int64_t) now_ms;

        for (size_t i = 0; i < manifest->operators.n; i++)
                add(&people, "", manifest->operators.items[i].principal);
        if (people.error < 0)
                return people.error;

        return print_line(stream, "for %s, for %" PRIi64 " days.",
                          people.size > 0 ? people.data : "no person",
                          MAX((left_ms + DAY_MS / 2) / DAY_MS, INT64_C(0)));
}

int manifest_print_summary(const Manifest *manifest, uint64_t now_ms, FILE *stream)
{
        _cleanup_(table_done) Table table = { .n_columns = 3 };

        int r = print_line(stream, "%s may%s", manifest->device,
                           manifest->capabilities.n == 0 ? " do nothing yet" : "");
        for (size_t i = 0; i < ELEMENTSOF(groups) && r == 0; i++)
                for (int tier = APPROVAL_NONE; tier < _APPROVAL_TIER_MAX && r == 0; tier++)
                        r = add_row(&table, manifest, &groups[i], tier);
        if (r == 0)
                r = table_print(&table, stream, false);

        return r < 0 ? r : print_people(manifest, now_ms, stream);
}
