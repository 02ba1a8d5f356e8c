/* SPDX-License-Identifier: MIT */
/* A manifest for a person: no field of the schema may be signed without being shown. */

#include "ctl/manifest/manifest-print.h"

#include "codec/strict-json.h"
#include "test.h"
#include "trust/arguments.h"

#define KEY_A "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8"
#define KEY_B "8139770ea87d175f56a35466c34c7ecccb8d8a91b4ee37a25df60f5b8fc9b394"
#define KEY_C "ed4928c628d1c2c6eae90338905995612959273a5c63f93636c14614ac8737d1"
#define KEY_E "20828bf5c5bdcacb684863336c202fb5599da48be5596615742170705beca9f7"
#define KEY_F "d54207da194977dcf46adbfec2bc2e75b52d5a8a42184fedfdc00024f0e3e8da"
#define KEY_D "ca93ac1705187071d67b83c7ff0efe8108e8ec4530575d7726879333dbdabe7c"

static const char base[] =
        "{\"v\":1,\"device\":\"laptop\",\"dev_pub\":\"" KEY_A "\",\"epoch\":2,\"version\":3,"
        "\"prev_sha256\":\"" KEY_A "\",\"issued_at\":1760000000000,\"expires_at\":1770000000000,"
        "\"operators\":[{\"mxid\":\"@ana:example.org\",\"person\":\"ana\",\"msk\":\"" KEY_B "\"}],"
        "\"approvers\":[{\"mxid\":\"@bob:example.org\",\"person\":\"bob\",\"pub\":\"" KEY_C "\"}],"
        "\"dispatchers\":[{\"pub\":\"" KEY_D "\",\"not_after\":1770000000000,\"capabilities\":[\"d\"]}],"
        "\"attesters\":[{\"pub\":\"" KEY_E "\",\"not_after\":1770000000000}],"
        "\"limits\":{\"skew_s\":40},"
        "\"roots\":[{\"name\":\"r0\",\"path\":\"/srv\"},{\"name\":\"r1\",\"path\":\"/mnt\"}],"
        "\"capabilities\":[%s,{\"name\":\"fs.list\",\"id\":\"d\",\"approval\":\"none\",\"roots\":[\"r1\"]}]"
        "}";

static const char *const capabilities[_CAPABILITY_KIND_MAX] = {
        [CAPABILITY_SHELL_EXEC] = "\"bin\":\"/usr/bin/ls\",\"argv\":[]",
        [CAPABILITY_FS_LIST] = "\"roots\":[\"r0\"]",
        [CAPABILITY_FS_READ] = "\"roots\":[\"r0\"]",
        [CAPABILITY_FS_WRITE] = "\"roots\":[\"r0\"]",
        [CAPABILITY_DOCKER_LIST] = "\"containers\":[\"web\"]",
        [CAPABILITY_DOCKER_LOGS] = "\"containers\":[\"web\"]",
        [CAPABILITY_DOCKER_EXEC] = "\"containers\":[\"web\"],\"argv\":[{\"lit\":\"ls\"}]",
        [CAPABILITY_SENSORS_READ] = "\"sensors\":[\"bat0\"]",
        [CAPABILITY_SERVICE_STATUS] = "\"units\":[\"a.service\"]",
        [CAPABILITY_SERVICE_RESTART] = "\"units\":[\"a.service\"]",
        [CAPABILITY_CAMERA_SNAPSHOT] = "\"cameras\":[\"/dev/video0\"]",
};

/* Another value, as JSON, where the type alone does not determine what is valid. */
static const struct {
        const char *key, *value;
} values[] = {
        { "device", "\"other\"" },
        { "mxid", "\"@other:example.org\"" },
        { "person", "\"other\"" },
        { "id", "\"other\"" },
        { "name", "\"r2\"" }, /* of a root */
        { "path", "\"/opt\"" },
        { "window", "{\"days\":\"1-5\"}" },
        { "days", "\"6\"" },
        { "utc", "\"07:00-19:00\"" },
        { "rate", "{\"n\":3,\"per_s\":60}" },
        { "limits", "{\"skew_s\":50}" },
        { "accept_risk", "\"a reason\"" },
        { "cwd", "\"/srv\"" },
        { "bin", "\"/usr/bin/other\"" },
        { "env", "{\"TZ\":\"UTC\"}" },
        { "argv", "[{\"lit\":\"other\"}]" },
        { "roots", "[\"r1\"]" },
        { "containers", "[\"other\"]" },
        { "user", "\"other\"" },
        { "sensors", "[\"other\"]" },
        { "units", "[\"other.service\"]" },
        { "cameras", "[\"/dev/video9\"]" },
        { "capabilities", "[\"c\"]" }, /* of a dispatcher */
};

static cJSON *parse(const char *text)
{
        cJSON *tree = cJSON_Parse(text);

        assert_non_null(tree);
        return tree;
}

/* The caller frees what is printed. */
static char *print(const cJSON *tree, const char *what)
{
        SchemaFault fault = { .why = "" };
        _cleanup_(manifest_freep) Manifest *manifest = NULL;
        char *text = NULL;
        size_t size;

        int r = schema_bind(&manifest_schema, tree, (void **) &manifest, &fault);
        if (r != 0)
                fail_msg("%s: %s %s", what, fault.path, fault.why);

        FILE *stream = open_memstream(&text, &size);
        assert_non_null(stream);
        assert_ok(manifest_print(manifest, "not signed", stream, false));
        assert_int_equal(fclose(stream), 0);
        return text;
}

static cJSON *other_value(const SchemaField *field, const cJSON *object)
{
        const cJSON *now = cJSON_GetObjectItemCaseSensitive(object, field->key);
        int64_t number = now ? (int64_t) now->valuedouble : field->fallback;

        switch (field->type) {
        case SCHEMA_INTEGER:
        case SCHEMA_TIMESTAMP:
                return cJSON_CreateNumber(
                        (double) (number < field->max ? number + 1000 * (field->type == SCHEMA_TIMESTAMP) + 1
                                                      : number - 1));
        case SCHEMA_BOOLEAN:
                return cJSON_CreateBool(now ? !cJSON_IsTrue(now) : !field->fallback);
        case SCHEMA_HEX:
                return cJSON_CreateString(KEY_F);
        case SCHEMA_NAME:
                return cJSON_CreateString(
                        field->names[now && streq(now->valuestring, field->names[1]) ? 2 : 1]);
        default:
                for (size_t i = 0; i < ELEMENTSOF(values); i++)
                        if (streq(values[i].key, field->key))
                                return parse(values[i].value);
                fail_msg("another value for %s is missing in this test", field->key);
        }
        return NULL;
}

/* An argument that can be redacted. */
static cJSON *redaction(const cJSON *object)
{
        static const char *const keys[] = { "argv", "path",    "content", "container",
                                            "unit", "sensors", "camera" };
        int kind = capability_kind_from_name(cJSON_GetObjectItemCaseSensitive(object, "name")->valuestring);

        for (size_t i = 0; i < ELEMENTSOF(keys); i++)
                if (arguments_key_exists((CapabilityKind) kind, keys[i])) {
                        cJSON *list = cJSON_CreateArray();

                        cJSON_AddItemToArray(list, cJSON_CreateString(keys[i]));
                        return list;
                }

        return NULL;
}

/* Changes one member after the other, and expects that each changes what is printed. `path` names the
 * object. */
static void check_fields(cJSON *tree, cJSON *object, const Schema *schema, const char *path)
{
        _cleanup_(freep) char *before = print(tree, path);

        for (size_t i = 0; i < schema->n_fields; i++) {
                const SchemaField *field = &schema->fields[i];
                char what[128];

                (void) snprintf(what, sizeof what, "%s.%s", path, field->key);
                if (field->type == SCHEMA_CONSTANT ||
                    (schema->tagged && field->offset == schema->tag_offset) ||
                    (streq(field->key, "name") && field->type == SCHEMA_NAME) ||
                    (field->type == SCHEMA_OBJECTS && field->nested != &constraint_schema))
                        continue;

                cJSON *other = streq(field->key, "redact") ? redaction(object) : other_value(field, object);
                if (!other)
                        continue; /* nothing can be redacted */
                cJSON *old = cJSON_DetachItemFromObjectCaseSensitive(object, field->key);
                cJSON_AddItemToObject(object, field->key, other);
                _cleanup_(freep) char *after = print(tree, what);
                if (streq(before, after))
                        fail_msg("%s is signed and not shown", what);
                cJSON_DeleteItemFromObjectCaseSensitive(object, field->key);
                if (old)
                        cJSON_AddItemToObject(object, field->key, old);
        }
}

static cJSON *manifest_with(CapabilityKind kind)
{
        _cleanup_(freep) char *capability = NULL, *text = NULL;

        assert_true(asprintf(&capability, "{\"name\":\"%s\",\"id\":\"c\",\"approval\":\"none\",%s}",
                             capability_kind_name(kind), capabilities[kind]) > 0);
        assert_true(asprintf(&text, base, capability) > 0);
        return parse(text);
}

static cJSON *first_of(cJSON *tree, const char *key)
{
        return cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(tree, key), 0);
}

static void test_capabilities(void **state)
{
        for (int kind = 0; kind < _CAPABILITY_KIND_MAX; kind++) {
                _cleanup_(json_deletep) cJSON *tree = manifest_with((CapabilityKind) kind);
                cJSON *object = first_of(tree, "capabilities");

                cJSON_AddItemToObject(object, "rate", parse("{\"n\":1,\"per_s\":1}"));
                check_fields(tree, object, capability_schema.variant(object, NULL),
                             capability_kind_name((CapabilityKind) kind));
        }
}

static void test_manifest(void **state)
{
        _cleanup_(json_deletep) cJSON *tree = manifest_with(CAPABILITY_SHELL_EXEC);

        check_fields(tree, tree, &manifest_schema, "manifest");
        for (size_t i = 0; i < manifest_schema.n_fields; i++) {
                const SchemaField *field = &manifest_schema.fields[i];

                if (field->type == SCHEMA_OBJECTS && field->nested != &capability_schema)
                        check_fields(tree, first_of(tree, field->key), field->nested, field->key);
                else if (field->type == SCHEMA_OBJECT)
                        check_fields(tree, cJSON_GetObjectItemCaseSensitive(tree, field->key), field->nested,
                                     field->key);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_capabilities),
                                            cmocka_unit_test(test_manifest) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
