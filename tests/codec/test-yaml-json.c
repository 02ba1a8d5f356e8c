/* SPDX-License-Identifier: MIT */
/* YAML as the tree that a schema reads. */

#include "codec/yaml-json.h"

#include "codec/strict-json.h"
#include "test.h"

static YamlNode *parse(const char *text)
{
        YamlProblem problem;
        YamlNode *root = NULL;

        assert_ok(yaml_node_parse(text, strlen(text), &root, &problem));
        return root;
}

static void test_values(void **state)
{
        static const struct {
                const char *yaml, *json;
        } rows[] = {
                { "a: 1", "{\"a\":1}" },
                { "a: -1", "{\"a\":-1}" },
                { "a: -0", "{\"a\":\"-0\"}" },
                { "a: \"1\"", "{\"a\":\"1\"}" },
                { "a: 1.5", "{\"a\":\"1.5\"}" },
                { "a: 1760000000000", "{\"a\":1760000000000}" },
                { "a: 9007199254740992", "{\"a\":\"9007199254740992\"}" },
                { "a: true\nb: 'true'", "{\"a\":true,\"b\":\"true\"}" },
                { "a:\nb: ~", "{\"a\":null,\"b\":null}" },
                { "a: yes", "{\"a\":\"yes\"}" },
                { "a: [x, {b: 2}, []]", "{\"a\":[\"x\",{\"b\":2},[]]}" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(yaml_node_freep) YamlNode *root = parse(rows[i].yaml);
                _cleanup_(json_deletep) cJSON *tree = NULL;
                char *text;

                assert_ok(yaml_to_json(root, &tree));
                text = cJSON_PrintUnformatted(tree);
                assert_string_equal(text, rows[i].json);
                cJSON_free(text);
        }
}

static void test_paths(void **state)
{
        static const struct {
                const char *path;
                unsigned line;
        } rows[] = {
                { "", 1 },        { "a", 1 },         { "list[0]", 3 }, { "list[1]", 4 }, { "list[1].b", 4 },
                { "list[9]", 3 }, { "list[1].z", 4 }, { "nothing", 1 }, { "list[x]", 3 }, { "a.b", 1 },
        };
        _cleanup_(yaml_node_freep) YamlNode *root = parse("a: 1\nlist:\n  - x\n  - b: 2\n");

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (yaml_node_line(yaml_node_at(root, rows[i].path)) != rows[i].line)
                        fail_msg("%s: line %u", rows[i].path,
                                 yaml_node_line(yaml_node_at(root, rows[i].path)));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_values),
                cmocka_unit_test(test_paths),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
