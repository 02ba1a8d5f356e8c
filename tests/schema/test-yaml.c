/* SPDX-License-Identifier: MIT */
/* Tables: YAML to trees, with what it allows beyond JSON, and errors with lines. */

#include "schema/yaml.h"

#include <stdio.h>

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

static void convert(const char *text, char **ret_json, YamlProblems *problems)
{
        _cleanup_(yaml_node_freep) YamlNode *root = NULL;
        _cleanup_(json_deletep) cJSON *tree = NULL;
        YamlProblem problem;

        assert_ok(yaml_node_parse(text, strlen(text), &root, &problem));
        assert_ok(schema_yaml_convert(&document_schema, root, NOW_MS, &tree, problems));
        assert_ok(strict_json_format(tree, ret_json));
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
                YamlProblems problems = YAML_PROBLEMS_NULL;

                convert(rows[i].yaml, &json, &problems);
                assert_int_equal(problems.n, 0);
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
                YamlProblems problems = YAML_PROBLEMS_NULL;
                _cleanup_(freep) char *json = NULL;

                convert(rows[i].yaml, &json, &problems);
                assert_int_equal(problems.n, 1);
                assert_int_equal(problems.items[0].line, rows[i].line);
                assert_string_equal(problems.items[0].reason, rows[i].reason);
        }
}

typedef struct Expected {
        unsigned line;
        const char *reason;
} Expected;

static void compare_problems(const char *text, const Expected *expected, size_t n)
{
        YamlProblems problems = YAML_PROBLEMS_NULL;
        void *object = NULL;

        assert_err(schema_yaml_parse(&document_schema, bytes_of_string(text), NOW_MS, &object, &problems),
                   -EBADMSG);
        assert_null(object);
        for (size_t i = 0; i < MIN(n, problems.n); i++) {
                assert_string_equal(problems.items[i].reason, expected[i].reason);
                assert_int_equal(problems.items[i].line, expected[i].line);
        }
        assert_int_equal(problems.n, n);
}

#define assert_problems(text, ...)                                                                          \
        compare_problems(text, (Expected[]){ __VA_ARGS__ }, ELEMENTSOF(((Expected[]){ __VA_ARGS__ })))

/* What schema_bind() rejects gets the line of the value that the path leads to. */
static void test_faults_are_located(void **state)
{
        assert_problems("v: 1\nparts:\n  - word: x\n  - word: 'much too long'\n",
                        { 4, "parts[1].word is too long" });
        assert_problems("v: 1\nparts:\n#  - word: x\n", { 2, "parts must not be empty" });
}

/* Problems of all kinds in one run, in the order of their lines, and each one once. */
static void test_all_problems(void **state)
{
        assert_problems(
                "v: 1\nflga: true\nat: soon\nparts:\n  - word: 'much too long'\n  - wort: x\n"
                "  - word: y\n  - word: 'again too long'\nflag: 1\n",
                { 2, "unknown key 'flga'; did you mean 'flag'?" },
                { 3, "at must be a date (2026-12-31), a time (2026-12-31T12:00:00Z) or a span from now "
                     "(30d)" },
                { 5, "parts[0].word is too long" }, { 6, "this has no word" },
                { 8, "parts[3].word is too long" }, { 9, "flag must be true or false, without quotes" });
        assert_problems("a: 1\nb: [\n",
                        { 3, "not YAML: did not find expected node content; check the quotes "
                             "and the indentation, also on the lines before" });
}

/* More than are listed are counted. */
static void test_many_problems(void **state)
{
        YamlProblems problems = YAML_PROBLEMS_NULL;
        char text[100 * 16] = "";
        void *object = NULL;

        for (unsigned i = 0; i < 100; i++)
                (void) snprintf(text + strlen(text), sizeof text - strlen(text), "unknown-%u: 1\n", i);
        assert_err(schema_yaml_parse(&document_schema, bytes_of_string(text), NOW_MS, &object, &problems),
                   -EBADMSG);
        assert_int_equal(problems.n, 100);
        assert_int_equal(problems.items[ELEMENTSOF(problems.items) - 1].line, ELEMENTSOF(problems.items));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_conversions),        cmocka_unit_test(test_errors_have_a_line),
                cmocka_unit_test(test_faults_are_located), cmocka_unit_test(test_all_problems),
                cmocka_unit_test(test_many_problems),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
