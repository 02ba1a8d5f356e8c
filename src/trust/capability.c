/* SPDX-License-Identifier: MIT */
/* A capability: a table per kind, and matching of arguments. */

#include "trust/capability.h"

#include <stdio.h>

#include "basic/utf8.h"
#include "proto/error.h"
#include "proto/id.h"
#include "schema/list.h"

#define LABEL_MAX 63
#define LIST_MAX  64

static const char *const exec_kill_names[] = { "unset", "timeout", "none", NULL };

/* An allow list: variables that change how a program loads, pages, edits or interprets (LD_*, PAGER, EDITOR,
 * GIT_*, LESS*, …) are not on it. */
static bool variable_valid(const char *name)
{
        static const char *const names[] = { "LANG", "TZ", "COLUMNS", "LINES", "NO_COLOR", "TERM" };

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (streq(names[i], name))
                        return true;

        return startswith(name, "LC_") && name[3] != '\0' &&
               strspn(name + 3, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == strlen(name + 3);
}

/* "1-7", "6": weekdays, Monday is 1. Returns false if it is none. */
static bool parse_days(const char *text, int *ret_first, int *ret_last)
{
        size_t length = strlen(text);
        char last = length == 3 ? text[2] : text[0];

        if ((length != 1 && length != 3) || text[0] < '1' || last > '7' || last < text[0] ||
            (length == 3 && text[1] != '-'))
                return false;

        *ret_first = text[0] - '0';
        *ret_last = last - '0';
        return true;
}

/* "HH:MM", to minutes. */
static bool parse_clock(const char *text, int *ret_minutes)
{
        for (int i = 0; i < 5; i++)
                if (i == 2 ? text[i] != ':' : text[i] < '0' || text[i] > '9')
                        return false;

        *ret_minutes = ((text[0] - '0') * 10 + text[1] - '0') * 60 + (text[3] - '0') * 10 + text[4] - '0';
        return text[3] <= '5' && *ret_minutes <= 24 * 60;
}

static bool parse_hours(const char *text, int *ret_from, int *ret_to)
{
        return strlen(text) == 11 && text[5] == '-' && parse_clock(text, ret_from) &&
               parse_clock(text + 6, ret_to) && *ret_from < *ret_to;
}

static bool days_valid(const char *text)
{
        int first, last;

        return parse_days(text, &first, &last);
}

static bool hours_valid(const char *text)
{
        int from, to;

        return parse_hours(text, &from, &to);
}

static bool user_valid(const char *text)
{
        return strlen(text) <= 64 && text[0] != '-' &&
               strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:-") ==
                       strlen(text);
}

static const char *check(const void *object)
{
        const Capability *capability = object;

        for (size_t i = 0; i < capability->redact.n; i++)
                if (!arguments_key_exists((CapabilityKind) capability->kind, capability->redact.items[i]))
                        return "redacts an argument that this capability does not have";
        if (capability->kind == CAPABILITY_DOCKER_EXEC &&
            (capability->argv.items[0].kind != CONSTRAINT_LITERAL ||
             capability->argv.items[0].repeat != CONSTRAINT_ONCE))
                return "must name the program in the container as its first literal";

        return NULL;
}

#define AT(member) offsetof(Capability, member)

/* clang-format off */
static const SchemaField rate_fields[] = {
        { "n",     SCHEMA_INTEGER, true, offsetof(Rate, n),     1, 100000 },
        { "per_s", SCHEMA_INTEGER, true, offsetof(Rate, per_s), 1, 86400 },
};
static const Schema rate_schema = { .size = sizeof(Rate), SCHEMA_TABLE(rate_fields) };

static const SchemaField window_fields[] = {
        { "days", SCHEMA_STRING, false, offsetof(Window, days), 1, 3,   .valid = days_valid },
        { "utc",  SCHEMA_STRING, false, offsetof(Window, utc),  11, 11, .valid = hours_valid },
};
static const Schema window_schema = { .size = sizeof(Window), SCHEMA_TABLE(window_fields) };

/* Common to every kind. The name is first: it selects the table that the object is freed by. */
#define COMMON \
        { "name", SCHEMA_NAME, true, AT(kind), .names = capability_kind_names }, \
        { "id", SCHEMA_STRING, true, AT(id), 1, LABEL_MAX, .valid = label_valid }, \
        { "approval", SCHEMA_NAME, true, AT(approval), .names = approval_tier_names }, \
        { "approval_count", SCHEMA_INTEGER, false, AT(approval_count), 1, 4, .fallback = 1 }, \
        { "approval_self", SCHEMA_BOOLEAN, false, AT(approval_self) }, \
        { "timeout_s", SCHEMA_INTEGER, false, AT(timeout_s), 1, 3600, .fallback = 10 }, \
        { "max_output", SCHEMA_INTEGER, false, AT(max_output), 0, OUTPUT_MAX, .fallback = 64 * 1024 }, \
        { "max_age_s", SCHEMA_INTEGER, false, AT(max_age_s), 1, 3600, .fallback = 120 }, \
        { "rate", SCHEMA_OBJECT, false, AT(rate), .nested = &rate_schema }, \
        { "window", SCHEMA_OBJECT, false, AT(window), .nested = &window_schema }, \
        { "queue", SCHEMA_BOOLEAN, false, AT(queue), .fallback = 1 }, \
        { "strict", SCHEMA_BOOLEAN, false, AT(strict) }, \
        { "redact", SCHEMA_STRINGS, false, AT(redact), 0, 8 }, \
        { "accept_risk", SCHEMA_STRING, false, AT(accept_risk), 1, 512, \
          .valid = utf8_is_visible }
#define CWD        { "cwd", SCHEMA_STRING, false, AT(cwd), 1, 4095, .valid = absolute_path_valid }
#define ROOTS      { "roots", SCHEMA_STRINGS, true, AT(roots), 1, LIST_MAX, .valid = label_valid }
#define UNITS      { "units", SCHEMA_STRINGS, true, AT(units), 1, LIST_MAX, .valid = unit_name_valid }
#define CONTAINERS(required_) \
        { "containers", SCHEMA_STRINGS, required_, AT(containers), 1, LIST_MAX, \
          .valid = container_name_valid }
#define MAX_BYTES(max_) \
        { "max_bytes", SCHEMA_INTEGER, false, AT(max_bytes), 0, max_, .fallback = max_ }

static const SchemaField exec_fields[] = {
        COMMON, CWD,
        { "bin",    SCHEMA_STRING,  true,  AT(bin), 2, 4095, .valid = absolute_path_valid },
        { "sha256", SCHEMA_HEX,     false, AT(bin_sha256), .max = SHA256_SIZE },
        { "env",    SCHEMA_MAP,     false, AT(env), 0, 16, .valid = variable_valid },
        { "argv",   SCHEMA_OBJECTS, true,  AT(argv), 0, ARGUMENTS_MAX - 1, .nested = &constraint_schema },
};
static const SchemaField list_fields[] = { COMMON, ROOTS };
static const SchemaField read_fields[] = { COMMON, ROOTS, MAX_BYTES(FS_READ_MAX) };
static const SchemaField write_fields[] = {
        COMMON, ROOTS, MAX_BYTES(FS_WRITE_MAX),
        { "replace", SCHEMA_BOOLEAN, false, AT(replace) },
};
static const SchemaField docker_list_fields[] = { COMMON, CONTAINERS(false) };
static const SchemaField docker_logs_fields[] = { COMMON, CONTAINERS(true) };
static const SchemaField docker_exec_fields[] = {
        COMMON, CONTAINERS(true), CWD,
        { "argv",      SCHEMA_OBJECTS, true,  AT(argv), 1, ARGUMENTS_MAX, .nested = &constraint_schema },
        { "user",      SCHEMA_STRING,  false, AT(user), 1, 64, .valid = user_valid },
        { "exec_kill", SCHEMA_NAME,    false, AT(exec_kill), .names = exec_kill_names },
        { "allow_privileged_container", SCHEMA_BOOLEAN, false, AT(privileged_container) },
};
static const SchemaField sensors_fields[] = {
        COMMON, { "sensors", SCHEMA_STRINGS, true, AT(sensors), 1, LIST_MAX, .valid = label_valid },
};
static const SchemaField unit_fields[] = { COMMON, UNITS };
static const SchemaField camera_fields[] = {
        COMMON,
        { "cameras",    SCHEMA_STRINGS, true,  AT(cameras), 1, 8, .valid = absolute_path_valid },
        { "max_width",  SCHEMA_INTEGER, false, AT(max_width),  16, 8192, .fallback = 1920 },
        { "max_height", SCHEMA_INTEGER, false, AT(max_height), 16, 8192, .fallback = 1080 },
};
/* clang-format on */

#define KIND(fields_)                                                                                       \
        {                                                                                                   \
                .size = sizeof(Capability), SCHEMA_TABLE(fields_), .check = check                           \
        }

static const Schema kind_schemas[_CAPABILITY_KIND_MAX] = {
        [CAPABILITY_SHELL_EXEC] = KIND(exec_fields),
        [CAPABILITY_FS_LIST] = KIND(list_fields),
        [CAPABILITY_FS_READ] = KIND(read_fields),
        [CAPABILITY_FS_WRITE] = KIND(write_fields),
        [CAPABILITY_DOCKER_LIST] = KIND(docker_list_fields),
        [CAPABILITY_DOCKER_LOGS] = KIND(docker_logs_fields),
        [CAPABILITY_DOCKER_EXEC] = KIND(docker_exec_fields),
        [CAPABILITY_SENSORS_READ] = KIND(sensors_fields),
        [CAPABILITY_SERVICE_STATUS] = KIND(unit_fields),
        [CAPABILITY_SERVICE_RESTART] = KIND(unit_fields),
        [CAPABILITY_CAMERA_SNAPSHOT] = KIND(camera_fields),
};

static const Schema *choose_kind(const cJSON *tree, const void *object)
{
        const cJSON *name = tree ? cJSON_GetObjectItemCaseSensitive(tree, "name") : NULL;
        int kind = object                 ? ((const Capability *) object)->kind
                   : cJSON_IsString(name) ? capability_kind_from_name(name->valuestring)
                                          : _CAPABILITY_KIND_INVALID;

        return kind >= 0 && kind < _CAPABILITY_KIND_MAX ? &kind_schemas[kind] : NULL;
}

const Schema capability_schema = { .size = sizeof(Capability),
                                   .variant = choose_kind,
                                   .no_variant = "names no known capability; see devbox-manifest(5)" };

static int match_write(const Capability *capability, const Arguments *arguments)
{
        return (arguments->write_mode == WRITE_REPLACE && !capability->replace) ||
                               arguments->content.size > (size_t) capability->max_bytes
                       ? DEVBOX_ERROR_ARGS_DENIED
                       : 0;
}

static int match_sensors(const Capability *capability, const Arguments *arguments)
{
        for (size_t i = 0; i < arguments->sensors.n; i++)
                if (!LIST_CONTAINS(capability->sensors, arguments->sensors.items[i]))
                        return DEVBOX_ERROR_BINARY_NOT_ALLOWED;

        return 0;
}

static int match_camera(const Capability *capability, const Arguments *arguments)
{
        if (!LIST_CONTAINS(capability->cameras, arguments->device))
                return DEVBOX_ERROR_BINARY_NOT_ALLOWED;

        return arguments->width > capability->max_width || arguments->height > capability->max_height
                       ? DEVBOX_ERROR_ARGS_DENIED
                       : 0;
}

int capability_match_command(const Capability *capability, const PathRoots *roots,
                             const Arguments *arguments, ExecutedArguments *ret_executed)
{
        bool on_host = capability->kind == CAPABILITY_SHELL_EXEC;
        ExecutedArguments executed = { .n = 0 };

        assert(on_host || capability->kind == CAPABILITY_DOCKER_EXEC);

        if (on_host ? !streq(capability->bin, arguments->argv.items[0])
                    : !LIST_CONTAINS(capability->containers, arguments->container))
                return DEVBOX_ERROR_BINARY_NOT_ALLOWED;

        if (on_host)
                executed.items[executed.n++] = capability->bin; /* a container's program is in argv */
        int r = constraints_match(&capability->argv, roots, arguments->argv.items + on_host,
                                  arguments->argv.n - on_host, &executed);
        if (r == 0 && ret_executed)
                *ret_executed = executed;
        return r;
}

int capability_match(const Capability *capability, const PathRoots *roots, const Arguments *arguments)
{
        switch (capability->kind) {
        case CAPABILITY_SHELL_EXEC:
        case CAPABILITY_DOCKER_EXEC:
                return capability_match_command(capability, roots, arguments, NULL);
        case CAPABILITY_FS_LIST:
                return LIST_CONTAINS(capability->roots, arguments->root) ? 0 : DEVBOX_ERROR_PATH_DENIED;
        case CAPABILITY_FS_READ:
                if (!LIST_CONTAINS(capability->roots, arguments->root))
                        return DEVBOX_ERROR_PATH_DENIED;
                return arguments->length > capability->max_bytes ? DEVBOX_ERROR_ARGS_DENIED : 0;
        case CAPABILITY_FS_WRITE:
                if (!LIST_CONTAINS(capability->roots, arguments->root))
                        return DEVBOX_ERROR_PATH_DENIED;
                return match_write(capability, arguments);
        case CAPABILITY_DOCKER_LIST:
                return 0;
        case CAPABILITY_DOCKER_LOGS:
                return LIST_CONTAINS(capability->containers, arguments->container)
                               ? 0
                               : DEVBOX_ERROR_BINARY_NOT_ALLOWED;
        case CAPABILITY_SENSORS_READ:
                return match_sensors(capability, arguments);
        case CAPABILITY_SERVICE_STATUS:
        case CAPABILITY_SERVICE_RESTART:
                return LIST_CONTAINS(capability->units, arguments->unit) ? 0
                                                                         : DEVBOX_ERROR_BINARY_NOT_ALLOWED;
        case CAPABILITY_CAMERA_SNAPSHOT:
                return match_camera(capability, arguments);
        }

        return DEVBOX_ERROR_UNKNOWN_CAPABILITY;
}

bool capability_window_open(const Capability *capability, uint64_t now_ms)
{
        uint64_t minutes = now_ms / 60000;
        int first = 1, last = 7, from = 0, to = 24 * 60;
        int minute = (int) (minutes % (24 * 60));
        int day = (int) ((minutes / (24 * 60) + 3) % 7) + 1; /* 1970-01-01 was a Thursday */

        if ((capability->window.days && !parse_days(capability->window.days, &first, &last)) ||
            (capability->window.utc && !parse_hours(capability->window.utc, &from, &to)))
                return false;

        return day >= first && day <= last && minute >= from && minute < to;
}

void capability_subject(CapabilityKind kind, const Arguments *arguments, char ret_subject[static 64])
{
        const char *name = capability_kind_name(kind), *what = NULL;

        if (kind == CAPABILITY_SHELL_EXEC)
                what = strrchr(arguments->argv.items[0], '/') + 1;
        else if (kind == CAPABILITY_DOCKER_LOGS || kind == CAPABILITY_DOCKER_EXEC)
                what = arguments->container;
        else if (kind == CAPABILITY_SERVICE_STATUS || kind == CAPABILITY_SERVICE_RESTART)
                what = arguments->unit;
        else if (kind == CAPABILITY_FS_LIST || kind == CAPABILITY_FS_READ || kind == CAPABILITY_FS_WRITE)
                what = arguments->root;

        (void) snprintf(ret_subject, 64, "%s%s%s", name, what ? "." : "", strempty(what));
        for (char *at = ret_subject; *at != '\0'; at++) /* cutting may have split a character, too */
                if (*at <= ' ' || *at >= 0x7f)
                        *at = '?';
}
