/* SPDX-License-Identifier: MIT */
/* The ceiling: its table, and the check of a manifest against it. */

#include "trust/ceiling.h"

#include <stdio.h>

#include "basic/fd.h"
#include "basic/time.h"
#include "proto/error.h"
#include "proto/id.h"
#include "schema/list.h"

static bool capability_known(const char *name)
{
        return capability_kind_from_name(name) >= 0;
}

#define LIST(key, member, valid_)                                                                           \
        {                                                                                                   \
                key, SCHEMA_STRINGS, false, offsetof(Ceiling, member), 0, 256, .valid = valid_              \
        }

/* clang-format off */
static const SchemaField fields[] = {
        { "v", SCHEMA_CONSTANT, true, .min = 1 },
        LIST("capabilities", capabilities, capability_known),
        LIST("programs",     programs,     absolute_path_valid),
        LIST("read",         read,         absolute_path_valid),
        LIST("write",        write,        absolute_path_valid),
        LIST("containers",   containers,   container_name_valid),
        LIST("units",        units,        unit_name_valid),
        LIST("sensors",      sensors,      label_valid),
        LIST("cameras",      cameras,      absolute_path_valid),
};
/* clang-format on */

const Schema ceiling_schema = { .size = sizeof(Ceiling), .max_bytes = 256 * 1024, SCHEMA_TABLE(fields) };

typedef LIST_OF(char *) Names;

static bool all_listed(const Names *inner, const Names *names)
{
        for (size_t i = 0; i < inner->n; i++)
                if (!LIST_CONTAINS(*names, inner->items[i]))
                        return false;

        return true;
}

static bool inside(const Names *directories, const char *path)
{
        for (size_t i = 0; i < directories->n; i++)
                if (path_is_under(path, directories->items[i]))
                        return true;

        return false;
}

static bool root_inside(const Names *directories, const PathRoots *roots, const char *name)
{
        const PathRoot *root = path_root_find(roots, name);

        return root && inside(directories, root->path);
}

static bool roots_inside(const Names *directories, const PathRoots *roots, const Names *names)
{
        for (size_t i = 0; i < names->n; i++)
                if (!root_inside(directories, roots, names->items[i]))
                        return false;

        return true;
}

static bool constraints_inside(const Names *directories, const PathRoots *roots,
                               const ArgumentConstraints *items)
{
        for (size_t i = 0; i < items->n; i++)
                if (items->items[i].kind == CONSTRAINT_PATH &&
                    !root_inside(directories, roots, items->items[i].path_root))
                        return false;

        return true;
}

#define NAMES(list) ((const Names *) (const void *) &(list))

/* NULL: inside the ceiling. */
static const char *reason_outside(const Ceiling *ceiling, const PathRoots *roots,
                                  const Capability *capability)
{
        const Names *read = NAMES(ceiling->read), *write = NAMES(ceiling->write);

        if (!LIST_CONTAINS(ceiling->capabilities, capability_kind_name((CapabilityKind) capability->kind)))
                return "is a capability beyond the ceiling";

        switch (capability->kind) {
        case CAPABILITY_SHELL_EXEC:
                if (!LIST_CONTAINS(ceiling->programs, capability->bin))
                        return "names a program beyond the ceiling";
                if (capability->cwd && !streq(capability->cwd, "/") && !inside(read, capability->cwd))
                        return "starts in a directory beyond the ceiling";
                return constraints_inside(read, roots, &capability->argv)
                               ? NULL
                               : "names a directory beyond the ceiling";
        case CAPABILITY_FS_LIST:
        case CAPABILITY_FS_READ:
                return roots_inside(read, roots, NAMES(capability->roots))
                               ? NULL
                               : "names a directory beyond the ceiling";
        case CAPABILITY_FS_WRITE:
                return roots_inside(write, roots, NAMES(capability->roots))
                               ? NULL
                               : "names a directory beyond the ceiling";
        case CAPABILITY_DOCKER_LOGS:
        case CAPABILITY_DOCKER_EXEC:
                return all_listed(NAMES(capability->containers), NAMES(ceiling->containers))
                               ? NULL
                               : "names a container beyond the ceiling";
        case CAPABILITY_SERVICE_RESTART:
                return all_listed(NAMES(capability->units), NAMES(ceiling->units))
                               ? NULL
                               : "names a unit beyond the ceiling";
        case CAPABILITY_SENSORS_READ:
                return all_listed(NAMES(capability->sensors), NAMES(ceiling->sensors))
                               ? NULL
                               : "names a sensor beyond the ceiling";
        case CAPABILITY_CAMERA_SNAPSHOT:
                return all_listed(NAMES(capability->cameras), NAMES(ceiling->cameras))
                               ? NULL
                               : "names a camera beyond the ceiling";
        default:
                return NULL; /* docker.list, service.status: only names and states */
        }
}

int ceiling_check_next(const Ceiling *ceiling, const Manifest *manifest, size_t *at, SchemaFault *ret_fault)
{
        while (*at < manifest->capabilities.n) {
                size_t i = (*at)++;
                const Capability *capability = &manifest->capabilities.items[i];
                const char *why = reason_outside(ceiling, &manifest->roots, capability);

                if (!why)
                        continue;
                if (ret_fault) {
                        ret_fault->why = why;
                        (void) snprintf(ret_fault->path, sizeof ret_fault->path, "capabilities[%zu] (%s)", i,
                                        capability->id);
                }
                return DEVBOX_ERROR_MANIFEST_CEILING;
        }

        return 0;
}

int ceiling_check(const Ceiling *ceiling, const Manifest *manifest, SchemaFault *ret_fault)
{
        size_t at = 0;

        return ceiling_check_next(ceiling, manifest, &at, ret_fault);
}

int ceiling_read_at(int directory_fd, const char *name, Ceiling **ret_ceiling, YamlProblems *problems)
{
        _cleanup_(freep) char *text = NULL;
        void *ceiling = NULL;
        size_t size;

        int r = fd_read_file_at(directory_fd, name, YAML_SIZE_MAX, &text, &size);
        if (r < 0)
                return r;
        r = schema_yaml_parse(&ceiling_schema, BYTES(text, size), time_now(CLOCK_REALTIME) / USEC_PER_MSEC,
                              &ceiling, problems);
        if (r < 0)
                return r;

        *ret_ceiling = ceiling;
        return 0;
}
