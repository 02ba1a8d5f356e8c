/* SPDX-License-Identifier: MIT */
/* The part of YAML that a person writes by hand. */

#include "codec/yaml.h"

#include "basic/text.h"
#include "test.h"

/* A tree in one line, with the lines of its nodes: {a@1:x@1,b@2:[@3 y@3]}. */
#define BOM "\xef\xbb\xbf"

static void describe(Text *text, const YamlNode *node)
{
        static const char *const brackets[] = { [YAML_KIND_LIST] = "[]", [YAML_KIND_MAP] = "{}" };
        const char *bracket;

        if (yaml_node_kind(node) == YAML_KIND_SCALAR) {
                text_appendf(text, "%s%s@%u", yaml_node_is_plain(node) ? "" : "'", yaml_node_text(node),
                             yaml_node_line(node));
                return;
        }

        bracket = brackets[yaml_node_kind(node)];
        text_appendf(text, "%c@%u", bracket[0], yaml_node_line(node));
        for (const YamlNode *member = yaml_node_first(node); member; member = yaml_node_next(member)) {
                text_append(text, " ");
                if (yaml_node_key(member))
                        text_appendf(text, "%s@%u:", yaml_node_key(member), yaml_node_key_line(member));
                describe(text, member);
        }
        text_appendf(text, "%c", bracket[1]);
}

static void test_what_is_read(void **state)
{
        static const struct {
                const char *text, *tree;
        } rows[] = {
                { "", "@1" },
                { "# comment\n", "@1" },
                { "---\n", "@2" },
                { "word", "word@1" },
                { "'8080'", "'8080@1" },
                { "a: 1\nb:\n  - x\n  - 'y'\nc: {d: [], e: }\n",
                  "{@1 a@1:1@1 b@2:[@3 x@3 'y@4] c@5:{@5 d@5:[@5] e@5:@5}}" },
                { "\n\na: \"two\\nlines\"\n", "{@3 a@3:'two\nlines@3}" },
                { "a: |\n  text\n", "{@1 a@1:'text\n@1}" },
                { "a: one\n  two\n", "{@1 a@1:one two@1}" },
                { "\xef\xbb\xbf"
                  "a: 1\n",
                  "{@1 a@1:1@1}" }, /* a byte order mark */
                { BOM "a: 1\nb:\n  - x\nc: 2\n", "{@1 a@1:1@1 b@2:[@3 x@3] c@4:2@4}" },
                { BOM "---\na: 1\n", "{@2 a@2:1@2}" },
                { BOM "a: 1\r\nb: 2\r\n", "{@1 a@1:1@1 b@2:2@2}" },
                { BOM "# only a comment\n", "@1" },
                { "a: 1\r\nb: 2\r\n", "{@1 a@1:1@1 b@2:2@2}" },
                { "- - - - - - - x\n", "[@1 [@1 [@1 [@1 [@1 [@1 [@1 x@1]]]]]]]" },
                { "a: ma\xc3\xb1"
                  "ana\n",
                  "{@1 a@1:ma\xc3\xb1"
                  "ana@1}" },
                { "<<: 1\n", "{@1 <<@1:1@1}" }, /* a key like any other */
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(yaml_node_freep) YamlNode *root = NULL;
                _cleanup_(text_done) Text tree = TEXT_NULL;
                YamlProblem problem;

                assert_ok(yaml_node_parse(rows[i].text, strlen(rows[i].text), &root, &problem));
                describe(&tree, root);
                assert_string_equal(tree.data, rows[i].tree);
        }
}

static void test_nothing_is_null(void **state)
{
        static const struct {
                const char *text;
                bool null;
        } rows[] = {
                { "", true },      { "~", true },     { "null", true }, { "'~'", false },
                { "\"\"", false }, { "Null", false }, { "[]", false },  { "{}", false },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(yaml_node_freep) YamlNode *root = NULL;
                YamlProblem problem;

                assert_ok(yaml_node_parse(rows[i].text, strlen(rows[i].text), &root, &problem));
                assert_int_equal(yaml_node_is_null(root), rows[i].null);
        }
}

#define QUOTES "; check the quotes and the indentation, also on the lines before"

static void test_what_is_refused(void **state)
{
        static const struct {
                const char *text;
                size_t size; /* 0: up to the NUL */
                unsigned line;
                const char *reason;
        } rows[] = {
                { "a: &x 1\n", 0, 1, "anchors (&name) are not allowed; write the value out" },
                { "a:\n  &x\n  b: 1\n", 0, 2, "anchors (&name) are not allowed; write the values out" },
                { "- &x []\n", 0, 1, "anchors (&name) are not allowed; write the values out" },
                { "a: *x\n", 0, 1,
                  "aliases (*name) are not allowed; write the value out, in quotes if it begins with *" },
                { "a: !!str 1\n", 0, 1, "tags (!name) are not allowed; write the value alone" },
                { "a: ! 1\n", 0, 1, "tags (!name) are not allowed; write the value alone" },
                { "a: !!map {}\n", 0, 1, "tags (!name) are not allowed; write the values alone" },
                { "a: !x []\n", 0, 1, "tags (!name) are not allowed; write the values alone" },
                { "!!str a: 1\n", 0, 1, "tags (!name) are not allowed; write the value alone" },
                { "%YAML 1.1\n---\na: 1\n", 0, 1, "directives (%YAML, %TAG) are not allowed; remove them" },
                { "%TAG ! tag:x,2024:\n---\na: 1\n", 0, 1,
                  "directives (%YAML, %TAG) are not allowed; remove them" },
                { "a: 1\n---\nb: 1\n", 0, 2, "a second document begins here; keep one" },
                { "a: 1\n...\nb: 1\n", 0, 3, "not YAML: did not find expected <document start>" QUOTES },
                { "a: 1\nb: 2\na: 3\n", 0, 3, "this key is already on line 1; keep one of the two" },
                { "a: 1\n'a': 2\n", 0, 2, "this key is already on line 1; keep one of the two" },
                { "x:\n  a: 1\n  a: 2\n", 0, 3, "this key is already on line 2; keep one of the two" },
                { "? [a]\n: 1\n", 0, 1, "a key must be a word, not a list or a map" },
                { "{a: 1}: 1\n", 0, 1, "a key must be a word, not a list or a map" },
                { "- - - - - - - - - x\n", 0, 1, "nested deeper than 8 levels" },
                { "[[[[[[[[[[[[[[[[", 0, 1, "nested deeper than 8 levels" },
                { "a: \0\n", 5, 1, "NUL characters are not allowed" },
                { "a: 1\nb: \"\\0\"\n", 0, 2, "NUL characters are not allowed" },
                { "a: 1\nb: \xff\n", 0, 2, "not UTF-8 text: invalid leading UTF-8 octet" },
                { "a: \xc3", 0, 1, "not UTF-8 text: incomplete UTF-8 octet sequence" },
                { "a: \xc0\xaf\n", 0, 1, "not UTF-8 text: invalid length of a UTF-8 sequence" },
                { "a: 1\n\nb: \x07\n", 0, 3, "not UTF-8 text: control characters are not allowed" },
                { "\xff\xfe"
                  "a\0",
                  4, 1, "NUL characters are not allowed" }, /* UTF-16 */
                { BOM "a: 1\n b: 2\n", 0, 2,
                  "not YAML: mapping values are not allowed in this context" QUOTES },
                { BOM BOM "a: 1\n", 0, 1, "a byte order mark (U+FEFF) inside the text; remove it" },
                { "a: 1\n" BOM "b: 2\n", 0, 2, "a byte order mark (U+FEFF) inside the text; remove it" },
                { BOM "a: 1\nb: " BOM "2\n", 0, 2, "a byte order mark (U+FEFF) inside the text; remove it" },
                { "a:\n\tb: 1\n", 0, 2, "indented with a tab; use spaces" },
                { "a:\n  \tb: 1\n", 0, 2, "indented with a tab; use spaces" },
                { "a: [1, 2\n", 0, 2, "not YAML: did not find expected ',' or ']'" QUOTES },
                { "a: 'x\n", 0, 2, "not YAML: found unexpected end of stream" QUOTES },
                { "a: @x\n", 0, 1, "not YAML: found character that cannot start any token" QUOTES },
                { "a: b: c\n", 0, 1, "not YAML: mapping values are not allowed in this context" QUOTES },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                size_t size = rows[i].size > 0 ? rows[i].size : strlen(rows[i].text);
                _cleanup_(yaml_node_freep) YamlNode *root = NULL;
                YamlProblem problem;

                assert_err(yaml_node_parse(rows[i].text, size, &root, &problem), -EBADMSG);
                assert_string_equal(problem.reason, rows[i].reason);
                assert_int_equal(problem.line, rows[i].line);
                assert_null(root);
        }
}

static void test_the_number_of_values_is_limited(void **state)
{
        _cleanup_(yaml_node_freep) YamlNode *root = NULL, *none = NULL;
        _cleanup_(text_done) Text text = TEXT_NULL;
        YamlProblem problem;

        for (int i = 1; i < YAML_NODES_MAX; i++) /* the list itself is one */
                text_append(&text, "- x\n");
        assert_ok(yaml_node_parse(text.data, text.size, &root, &problem));

        text_append(&text, "- x\n");
        assert_err(yaml_node_parse(text.data, text.size, &none, &problem), -EBADMSG);
        assert_string_equal(problem.reason, "more than 4096 values");
        assert_int_equal(problem.line, YAML_NODES_MAX);
}

static void test_the_size_is_limited(void **state)
{
        _cleanup_(yaml_node_freep) YamlNode *root = NULL, *none = NULL;
        _cleanup_(freep) char *text = malloc(YAML_SIZE_MAX + 1);
        YamlProblem problem;

        assert_non_null(text);
        memset(text, '#', YAML_SIZE_MAX + 1);
        assert_ok(yaml_node_parse(text, YAML_SIZE_MAX, &root, &problem));
        assert_err(yaml_node_parse(text, YAML_SIZE_MAX + 1, &none, &problem), -EBADMSG);
        assert_string_equal(problem.reason, "larger than 64 KiB");
        assert_int_equal(problem.line, 0);
}

static void test_nodes_by_path(void **state)
{
        static const struct {
                const char *path;
                unsigned line;
        } rows[] = {
                { "", 1 },        { "a", 1 },         { "list[0]", 3 }, { "list[1]", 4 }, { "list[1].b", 4 },
                { "list[9]", 3 }, { "list[1].z", 4 }, { "nothing", 1 }, { "list[x]", 3 }, { "a.b", 1 },
        };
        static const char text[] = "a: 1\nlist:\n  - x\n  - b: 2\n";
        _cleanup_(yaml_node_freep) YamlNode *root = NULL;
        YamlProblem problem;

        assert_ok(yaml_node_parse(text, strlen(text), &root, &problem));

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (yaml_node_line(yaml_node_at(root, rows[i].path)) != rows[i].line)
                        fail_msg("%s: line %u", rows[i].path,
                                 yaml_node_line(yaml_node_at(root, rows[i].path)));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_what_is_read),
                cmocka_unit_test(test_nothing_is_null),
                cmocka_unit_test(test_what_is_refused),
                cmocka_unit_test(test_the_number_of_values_is_limited),
                cmocka_unit_test(test_the_size_is_limited),
                cmocka_unit_test(test_nodes_by_path),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
