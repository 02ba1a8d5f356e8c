/* SPDX-License-Identifier: MIT */
/* A request: one table per capability, because the arguments differ; and one for capabilities that this
 * build does not have, so that they are rejected as unknown and not as malformed. */

#include "trust/request.h"

#define AT(member) offsetof(Request, member)

/* clang-format off */
static const SchemaField manifest_fields[] = {
        { "epoch",   SCHEMA_INTEGER, true, offsetof(RequestManifest, epoch), 1, INT32_MAX },
        { "version", SCHEMA_INTEGER, true, offsetof(RequestManifest, version), 1, INT32_MAX },
        { "sha256",  SCHEMA_HEX,     true, offsetof(RequestManifest, sha256), .max = SHA256_SIZE },
};
static const SchemaField limits_fields[] = {
        { "timeout_ms", SCHEMA_INTEGER, false, offsetof(RequestLimits, timeout_ms), 0, 3600 * 1000 },
        { "max_output", SCHEMA_INTEGER, false, offsetof(RequestLimits, max_output), 0, OUTPUT_MAX },
};
static const SchemaField origin_fields[] = {
        { "mxid", SCHEMA_STRING, true, offsetof(RequestOrigin, principal), 1, 255,
          .valid = principal_valid },
        { "room", SCHEMA_STRING, false, offsetof(RequestOrigin, room), 2, 255, .valid = room_id_valid },
        { "event_id", SCHEMA_STRING, false, offsetof(RequestOrigin, event_id), 2, 255,
          .valid = event_id_valid },
        { "device_fp", SCHEMA_STRING, false, offsetof(RequestOrigin, device_fp), 1, 128 },
};

static const Schema reference_schema = { .size = sizeof(RequestManifest), SCHEMA_TABLE(manifest_fields) };
static const Schema limits_schema = { .size = sizeof(RequestLimits), SCHEMA_TABLE(limits_fields) };
static const Schema origin_schema = { .size = sizeof(RequestOrigin), SCHEMA_TABLE(origin_fields) };

#define FIELDS(...) { \
        { "v", SCHEMA_CONSTANT, true, .min = 1 }, \
        { "request_id", SCHEMA_STRING, true, AT(request_id), 26, 26, .valid = ulid_valid }, \
        { "device", SCHEMA_STRING, true, AT(device), 1, 63, .valid = device_name_valid }, \
        { "manifest", SCHEMA_OBJECT, true, AT(manifest), .nested = &reference_schema }, \
        { "capability", SCHEMA_STRING, true, AT(capability), 1, 64 }, \
        { "args", __VA_ARGS__ }, \
        { "nonce", SCHEMA_HEX, true, AT(nonce), .max = REQUEST_NONCE_SIZE }, \
        { "issued_at", SCHEMA_TIMESTAMP, true, AT(issued_at_ms), 0, SCHEMA_INTEGER_MAX }, \
        { "expires_at", SCHEMA_TIMESTAMP, true, AT(expires_at_ms), 0, SCHEMA_INTEGER_MAX }, \
        { "limits", SCHEMA_OBJECT, false, AT(limits), .nested = &limits_schema }, \
        { "origin", SCHEMA_OBJECT, true, AT(origin), .nested = &origin_schema }, \
}
/* clang-format on */

#define N_FIELDS 11
#define ARGUMENTS(kind)                                                                                     \
        [kind] = FIELDS(SCHEMA_OBJECT, true, AT(arguments), .nested = &arguments_schemas[kind])

static const SchemaField kind_fields[_CAPABILITY_KIND_MAX][N_FIELDS] = {
        ARGUMENTS(CAPABILITY_SHELL_EXEC),      ARGUMENTS(CAPABILITY_FS_LIST),
        ARGUMENTS(CAPABILITY_FS_READ),         ARGUMENTS(CAPABILITY_FS_WRITE),
        ARGUMENTS(CAPABILITY_DOCKER_LIST),     ARGUMENTS(CAPABILITY_DOCKER_LOGS),
        ARGUMENTS(CAPABILITY_DOCKER_EXEC),     ARGUMENTS(CAPABILITY_SENSORS_READ),
        ARGUMENTS(CAPABILITY_SERVICE_STATUS),  ARGUMENTS(CAPABILITY_SERVICE_RESTART),
        ARGUMENTS(CAPABILITY_CAMERA_SNAPSHOT),
};
static const SchemaField unknown_fields[N_FIELDS] = FIELDS(SCHEMA_JSON, true, AT(unknown_arguments));

static const char *check(const void *object)
{
        const Request *request = object;

        if (request->kind >= 0 && !streq(request->capability, capability_kind_names[request->kind]))
                return "names another capability than it is";

        return request->expires_at_ms > request->issued_at_ms ? NULL : "expires before it was issued";
}

#define SCHEMA_OF(fields_, tag_)                                                                            \
        {                                                                                                   \
                .size = sizeof(Request), SCHEMA_TABLE(fields_), .check = check, .tagged = true,             \
                .tag_offset = AT(kind), .tag = tag_                                                         \
        }
#define KIND(kind) [kind] = SCHEMA_OF(kind_fields[kind], kind)

static const Schema kind_schemas[_CAPABILITY_KIND_MAX] = {
        KIND(CAPABILITY_SHELL_EXEC),      KIND(CAPABILITY_FS_LIST),         KIND(CAPABILITY_FS_READ),
        KIND(CAPABILITY_FS_WRITE),        KIND(CAPABILITY_DOCKER_LIST),     KIND(CAPABILITY_DOCKER_LOGS),
        KIND(CAPABILITY_DOCKER_EXEC),     KIND(CAPABILITY_SENSORS_READ),    KIND(CAPABILITY_SERVICE_STATUS),
        KIND(CAPABILITY_SERVICE_RESTART), KIND(CAPABILITY_CAMERA_SNAPSHOT),
};
static const Schema unknown_schema = SCHEMA_OF(unknown_fields, _CAPABILITY_KIND_INVALID);

static const Schema *choose_kind(const cJSON *tree, const void *object)
{
        const cJSON *name = tree ? cJSON_GetObjectItemCaseSensitive(tree, "capability") : NULL;
        int kind = object                 ? ((const Request *) object)->kind
                   : cJSON_IsString(name) ? capability_kind_from_name(name->valuestring)
                                          : _CAPABILITY_KIND_INVALID;

        return kind >= 0 && kind < _CAPABILITY_KIND_MAX ? &kind_schemas[kind] : &unknown_schema;
}

const Schema request_schema = { .size = sizeof(Request), .max_bytes = 512 * 1024, .variant = choose_kind };
