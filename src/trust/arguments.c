/* SPDX-License-Identifier: MIT */
/* The eleven capabilities and their arguments: one table each. */

#include "trust/arguments.h"

#include "proto/id.h"
#include "trust/constraint.h"

#define LABEL_MAX 63
#define PATH_MAX_ 4094

const char *const capability_kind_names[_CAPABILITY_KIND_MAX + 1] = {
        [CAPABILITY_SHELL_EXEC] = "shell.exec",
        [CAPABILITY_FS_LIST] = "fs.list",
        [CAPABILITY_FS_READ] = "fs.read",
        [CAPABILITY_FS_WRITE] = "fs.write",
        [CAPABILITY_DOCKER_LIST] = "docker.list",
        [CAPABILITY_DOCKER_LOGS] = "docker.logs",
        [CAPABILITY_DOCKER_EXEC] = "docker.exec",
        [CAPABILITY_SENSORS_READ] = "sensors.read",
        [CAPABILITY_SERVICE_STATUS] = "service.status",
        [CAPABILITY_SERVICE_RESTART] = "service.restart",
        [CAPABILITY_CAMERA_SNAPSHOT] = "camera.snapshot",
};

static const char *const write_mode_names[] = { "create", "replace", NULL };

static const char *check_argv(const void *object)
{
        const Arguments *arguments = object;
        size_t total = 0;

        for (size_t i = 0; i < arguments->argv.n; i++)
                total += strlen(arguments->argv.items[i]);

        return total <= ARGUMENTS_BYTES_MAX ? NULL : "has more than 32 KiB of arguments";
}

static const char *check_exec(const void *object)
{
        const Arguments *arguments = object;

        return absolute_path_valid(arguments->argv.items[0]) ? check_argv(object)
                                                             : "must name the program by its absolute path";
}

static const char *check_write(const void *object)
{
        const Arguments *arguments = object;

        return arguments->write_mode == WRITE_CREATE && !sha256_is_null(&arguments->expect_sha256)
                       ? "cannot expect content where there must be no file"
                       : NULL;
}

#define AT(member) offsetof(Arguments, member)

/* clang-format off */
#define ROOT { "root", SCHEMA_STRING, true, AT(root), 1, LABEL_MAX, .valid = label_valid }
#define PATH(required_) \
        { "path", SCHEMA_STRING, required_, AT(path), 1, PATH_MAX_, .valid = relative_path_valid }
#define NAME { "name", SCHEMA_STRING, true, AT(container), 1, 128, .valid = container_name_valid }
#define ARGV { "argv", SCHEMA_STRINGS, true, AT(argv), 1, ARGUMENTS_MAX }
#define UNIT { "unit", SCHEMA_STRING, true, AT(unit), 1, 255, .valid = unit_name_valid }

static const SchemaField exec_fields[] = { ARGV };
static const SchemaField list_fields[] = { ROOT, PATH(false) };
static const SchemaField read_fields[] = {
        ROOT, PATH(true),
        { "offset", SCHEMA_INTEGER, false, AT(offset), 0, SCHEMA_INTEGER_MAX },
        { "length", SCHEMA_INTEGER, false, AT(length), 0, FS_READ_MAX },
};
static const SchemaField write_fields[] = {
        ROOT, PATH(true),
        { "mode",          SCHEMA_NAME,   true,  AT(write_mode),    .names = write_mode_names },
        { "content_b64",   SCHEMA_BASE64, true,  AT(content),       0, FS_WRITE_MAX },
        { "expect_sha256", SCHEMA_HEX,    false, AT(expect_sha256), .max = SHA256_SIZE },
};
static const SchemaField logs_fields[] = {
        NAME,
        { "tail",  SCHEMA_INTEGER, false, AT(tail),    1, 10000, .fallback = 100 },
        { "since", SCHEMA_INTEGER, false, AT(since_s), 0, SCHEMA_INTEGER_MAX },
};
static const SchemaField docker_exec_fields[] = { NAME, ARGV };
static const SchemaField sensors_fields[] = {
        { "ids", SCHEMA_STRINGS, true, AT(sensors), 1, 64, .valid = label_valid },
};
static const SchemaField unit_fields[] = { UNIT };
static const SchemaField camera_fields[] = {
        { "device", SCHEMA_STRING,  true, AT(device), 1, 64, .valid = absolute_path_valid },
        { "w",      SCHEMA_INTEGER, true, AT(width),  16, 8192 },
        { "h",      SCHEMA_INTEGER, true, AT(height), 16, 8192 },
};
/* clang-format on */

#define KIND(fields) .size = sizeof(Arguments), .max_bytes = 512 * 1024, SCHEMA_TABLE(fields)

const Schema arguments_schemas[_CAPABILITY_KIND_MAX] = {
        [CAPABILITY_SHELL_EXEC] = { KIND(exec_fields), .check = check_exec },
        [CAPABILITY_FS_LIST] = { KIND(list_fields) },
        [CAPABILITY_FS_READ] = { KIND(read_fields) },
        [CAPABILITY_FS_WRITE] = { KIND(write_fields), .check = check_write },
        [CAPABILITY_DOCKER_LIST] = { .size = sizeof(Arguments), .max_bytes = 512 * 1024 },
        [CAPABILITY_DOCKER_LOGS] = { KIND(logs_fields) },
        [CAPABILITY_DOCKER_EXEC] = { KIND(docker_exec_fields), .check = check_argv },
        [CAPABILITY_SENSORS_READ] = { KIND(sensors_fields) },
        [CAPABILITY_SERVICE_STATUS] = { KIND(unit_fields) },
        [CAPABILITY_SERVICE_RESTART] = { KIND(unit_fields) },
        [CAPABILITY_CAMERA_SNAPSHOT] = { KIND(camera_fields) },
};

const char *capability_kind_name(CapabilityKind kind)
{
        assert(kind >= 0 && kind < _CAPABILITY_KIND_MAX);
        return capability_kind_names[kind];
}

CapabilityKind capability_kind_from_name(const char *name)
{
        for (int i = 0; i < _CAPABILITY_KIND_MAX; i++)
                if (streq(capability_kind_names[i], name))
                        return (CapabilityKind) i;

        return _CAPABILITY_KIND_INVALID;
}

bool capability_kind_is_read_only(CapabilityKind kind)
{
        switch (kind) {
        case CAPABILITY_FS_LIST:
        case CAPABILITY_FS_READ:
        case CAPABILITY_DOCKER_LIST:
        case CAPABILITY_DOCKER_LOGS:
        case CAPABILITY_SENSORS_READ:
        case CAPABILITY_SERVICE_STATUS:
                return true;
        default:
                return false;
        }
}

bool arguments_key_exists(CapabilityKind kind, const char *key)
{
        const Schema *schema = &arguments_schemas[kind];

        for (size_t i = 0; i < schema->n_fields; i++)
                if (streq(schema->fields[i].key, key))
                        return true;

        return false;
}
