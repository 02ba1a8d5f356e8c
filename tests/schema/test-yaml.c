/* SPDX-License-Identifier: MIT */
/* Tables: YAML to trees, with what it allows beyond JSON, and errors with lines. */

#include "schema/yaml.h"

#include "codec/strict-json.h"

#include "test.h"

#define NOW_MS UINT64_C(1760000000000)

typedef struct Part {
        int kind;
        char *word;
} Part;

typedef struct Document {
        int64_t at_ms;
        bool flag;
        LIST_OF(Part) parts;
} Document;

/* clang-format off */
static const SchemaField part_fields[] = {
        { "part_v", SCHEMA_CONSTANT, true, .min = 3 },
        { "word", SCHEMA_STRING, true, offsetof(Part, word), 1, 8 },
};
static const Schema part_table = { .size = sizeof(Part), SCHEMA_TABLE(part_fields) };
/* clang-format on */

static const Schema *choose(const cJSON *tree, const void *object)
{
        return object || cJSON_GetObjectItemCaseSensitive(tree, "word") ? &part_table : NULL;
}

static const Schema part_schema = {
        .size = sizeof(Part), .shorthand = "word", .variant = choose, .no_variant = "has no word"
};

/* clang-format off */
static const SchemaField document_fields[] = {
        { "v", SCHEMA_CONSTANT, true, .min = 1 },
        { "at", SCHEMA_TIMESTAMP, false, offsetof(Document, at_ms), 0, SCHEMA_INTEGER_MAX },
        { "flag", SCHEMA_BOOLEAN, false, offsetof(Document, flag) },
        { "parts", SCHEMA_OBJECTS, false, offsetof(Document, parts), 1, 3, .nested = &part_schema },
};
/* clang-format on */

static const Schema document_schema = { .size = sizeof(Document),
                                        .max_bytes = 1024,
                                        SCHEMA_TABLE(document_fields) };

static int convert(const char *text, char **ret_json, YamlProblem *ret_problem)
{
        _cleanup_(yaml_node_freep) YamlNode *root = NULL;
        _cleanup_(json_deletep) cJSON *tree = NULL;

        assert_ok(yaml_node_parse(text, strlen(text), &root, ret_problem));
        int r = schema_yaml_convert(&document_schema, root, NOW_MS, &tree, ret_problem);
        return r < 0 ? r : strict_json_format(tree, ret_json);
}

static void test_conversions(void **state)
{
        static const struct {
                const char *yaml, *json;
        } rows[] = {
                { "flag: true\n", "{\"flag\":true,\"v\":1}" }, /* a constant may be left out */
                { "v: 2\n", "{\"v\":2}" }, /* a wrong one is for schema_bind() to reject */
                { "at: 10d\n", "{\"at\":1760864000000,\"v\":1}" },
                { "at: 2025-01-01\n", "{\"at\":1735689600000,\"v\":1}" },
                { "parts: [8080]\n", "{\"parts\":[{\"word\":\"8080\"}],\"v\":1}" },
                { "parts:\n  - word: x\n", "{\"parts\":[{\"word\":\"x\",\"part_v\":3}],\"v\":1}" },
                { "flag:\n  # true\nv: 1\n", "{\"v\":1}" },
                { "parts:\n  # - word: x\nv: 1\n", "{\"parts\":[],\"v\":1}" }, /* an empty list */
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(freep) char *json = NULL;
                YamlProblem problem;

                assert_ok(convert(rows[i].yaml, &json, &problem));
                assert_string_equal(json, rows[i].json);
        }
}

static void test_errors_have_a_line(void **state)
{
        static const struct {
                const char *yaml;
                unsigned line;
                const char *reason;
        } rows[] = {
                { "v: 1\nflga: true\n", 2, "unknown key 'flga'; did you mean 'flag'?" },
                { "flag: \"true\"\n", 1, "flag must be true or false, without quotes" },
                { "v: 1\n\nparts:\n  - wort: x\n", 4, "this has no word" },
                { "- v\n", 1, "a map of keys and values is expected here" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                YamlProblem problem = { 0 };
                char *json = NULL;

                assert_err(convert(rows[i].yaml, &json, &problem), -EBADMSG);
                assert_int_equal(problem.line, rows[i].line);
                assert_string_equal(problem.reason, rows[i].reason);
        }
}

/* What schema_bind() rejects gets the line of the value that the path leads to. */
static void test_faults_are_located(void **state)
{
        static const char text[] = "v: 1\nparts:\n  - word: x\n  - word: 'much too long'\n";
        YamlProblem problem = { 0 };
        void *object = NULL;

        assert_err(
                schema_yaml_parse(&document_schema, BYTES(text, sizeof text - 1), NOW_MS, &object, &problem),
                -EBADMSG);
        assert_int_equal(problem.line, 4);
        assert_string_equal(problem.reason, "parts[1].word is too long");

        static const char empty[] = "v: 1\nparts:\n#  - word: x\n";
        assert_err(schema_yaml_parse(&document_schema, BYTES(empty, sizeof empty - 1), NOW_MS, &object,
                                     &problem),
                   -EBADMSG);
        assert_int_equal(problem.line, 2);
        assert_string_equal(problem.reason, "parts must not be empty");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_conversions),
                cmocka_unit_test(test_errors_have_a_line),
                cmocka_unit_test(test_faults_are_located),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
