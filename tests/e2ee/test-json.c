/* SPDX-License-Identifier: MIT */
/* The JSON of Matrix: the vectors of the specification, and texts that must not stop a parser. */

#include "e2ee/json.h"

#include <stdio.h>

#include "basic/text.h"

#include "test.h"

static cJSON *parse(const char *text)
{
        cJSON *tree = NULL;

        assert_ok(matrix_json_parse(bytes_of_string(text), 1 << 20, &tree));
        return tree;
}

static void test_canonical(void **state)
{
        static const struct {
                const char *text, *canonical;
        } rows[] = {
                /* Matrix specification, appendices, "Canonical JSON" */
                { "{}", "{}" },
                { "{\"one\": 1, \"two\": \"Two\"}", "{\"one\":1,\"two\":\"Two\"}" },
                { "{\"b\":\"2\",\"a\":\"1\"}", "{\"a\":\"1\",\"b\":\"2\"}" },
                { "{\"auth\":{\"success\":true,\"mxid\":\"@john.doe:example.com\",\"profile\":{\"display_"
                  "name\":"
                  "\"John Doe\",\"three_pids\":[{\"medium\":\"email\",\"address\":\"john.doe@example.org\"},"
                  "{\"medium\":\"msisdn\",\"address\":\"123456789\"}]}}}",
                  "{\"auth\":{\"mxid\":\"@john.doe:example.com\",\"profile\":{\"display_name\":\"John Doe\","
                  "\"three_pids\":[{\"address\":\"john.doe@example.org\",\"medium\":\"email\"},{\"address\":"
                  "\"123456789\",\"medium\":\"msisdn\"}]},\"success\":true}}" },
                { "{\"a\":\"日本語\"}", "{\"a\":\"日本語\"}" },
                { "{\"本\":2,\"日\":1}", "{\"日\":1,\"本\":2}" },
                { "{\"a\":\"\\u65E5\"}", "{\"a\":\"日\"}" },
                { "{\"a\":null}", "{\"a\":null}" },
                /* further */
                { "{\"a\":-0,\"b\":[ ],\"c\":[1,[2]]}", "{\"a\":0,\"b\":[],\"c\":[1,[2]]}" },
                { "{\"a\":9007199254740991,\"b\":-9007199254740991}",
                  "{\"a\":9007199254740991,\"b\":-9007199254740991}" },
                { "{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\\u007f\"}",
                  "{\"a\":\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\"}" },
                { "{\"\\ud83d\\ude00\":1,\"\\uffff\":2}", "{\"\xef\xbf\xbf\":2,\"\xf0\x9f\x98\x80\":1}" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(json_freep) cJSON *tree = parse(rows[i].text);
                _cleanup_(freep) char *canonical = NULL;

                assert_ok(canonical_json(tree, false, &canonical));
                assert_string_equal(canonical, rows[i].canonical);
        }
}

static void test_what_has_no_canonical_form(void **state)
{
        static const char *const rows[] = {
                "{\"a\":1.5}",
                "{\"a\":1e400}",
                "{\"a\":9007199254740992}",
                "{\"a\":-9007199254740992}",
                "{\"a\":1,\"a\":1}",
                "{\"a\":1,\"\\u0061\":2}",
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(json_freep) cJSON *tree = parse(rows[i]);
                char *canonical = NULL;

                assert_err(canonical_json(tree, false, &canonical), -EBADMSG);
        }
}

static void test_signing_leaves_out_only_the_outermost(void **state)
{
        _cleanup_(json_freep) cJSON *tree =
                parse("{\"unsigned\":1,\"signatures\":2,\"a\":{\"unsigned\":3}}");
        _cleanup_(freep) char *canonical = NULL;

        assert_ok(canonical_json(tree, true, &canonical));
        assert_string_equal(canonical, "{\"a\":{\"unsigned\":3}}");
}

/* One foreign value does not make the rest unreadable, and is never cut short. */
static void test_hostile_values(void **state)
{
        static const struct {
                const char *text, *canonical;
        } rows[] = {
                { "{\"a\":\"x\\u0000y\",\"b\":1}", "{\"a\":\"x\xef\xbf\xbdy\",\"b\":1}" },
                { "{\"a\":\"\\ud800\",\"b\":1}", "{\"a\":\"\xef\xbf\xbd\",\"b\":1}" },
                { "{\"a\":\"\\udc00\\ud800\\u0041\",\"b\":1}", "{\"a\":\"\xef\xbf\xbd\xef\xbf\xbd"
                                                               "A\",\"b\":1}" },
                { "{\"a\":\"\xff\xc0\x80\",\"b\":1}",
                  "{\"a\":\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\",\"b\":1}" },
                { "{\"a\":1111111111111111111111111111111111111111111111111111111111111111111111111,\"b\":"
                  "1}",
                  "{\"a\":null,\"b\":1}" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(json_freep) cJSON *tree = parse(rows[i].text);
                _cleanup_(freep) char *canonical = NULL;

                assert_ok(canonical_json(tree, false, &canonical));
                assert_string_equal(canonical, rows[i].canonical);
        }
}

static void test_deep_values_are_null(void **state)
{
        enum { DEEP = 5000 };
        char text[2 * DEEP + 64], *at = text + sprintf(text, "{\"b\":1,\"a\":");
        _cleanup_(freep) char *canonical = NULL;

        memset(at, '[', DEEP);
        memset(at + DEEP, ']', DEEP);
        memcpy(at + 2 * DEEP, "}", 2);

        _cleanup_(json_freep) cJSON *tree = parse(text);
        assert_ok(canonical_json(tree, false, &canonical));
        assert_non_null(strstr(canonical, "[null]"));
        assert_non_null(strstr(canonical, "\"b\":1"));
}

static void test_what_is_no_json(void **state)
{
        static const char *const rows[] = { "",           "{",           "{\"a\"}", "{} x",
                                            "{\"a\":\"b", "{\"a\":\"\\", "[1,]",    "\\u" };
        cJSON *tree = NULL;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                assert_err(matrix_json_parse(bytes_of_string(rows[i]), 100, &tree), -EBADMSG);
        assert_err(matrix_json_parse(BYTES("{}\0", 3), 100, &tree), -EBADMSG);
        assert_err(matrix_json_parse(bytes_of_string("{}"), 1, &tree), -EFBIG);
}

static void test_pack(void **state)
{
        _cleanup_(json_freep) cJSON *tree = NULL, *part = parse("{\"x\":1}");
        _cleanup_(freep) char *canonical = NULL;

        assert_ok(json_pack(&tree, "{type:s,n:i,gone:s,yes:b,*:{*:s},list:[s,o],part:c,empty:{}}", "t",
                            (int64_t) -5, NULL, 1, "@a:b", "key", "value", "one", cJSON_CreateNull(), part));
        assert_ok(canonical_json(tree, false, &canonical));
        assert_string_equal(canonical, "{\"@a:b\":{\"key\":\"value\"},\"empty\":{},\"list\":[\"one\",null],"
                                       "\"n\":-5,\"part\":{\"x\":1},\"type\":\"t\",\"yes\":true}");
}

static void test_members(void **state)
{
        _cleanup_(json_freep) cJSON *tree = parse(
                "{\"s\":\"t\",\"i\":7,\"f\":7.5,\"big\":1e300,\"o\":{},\"a\":[],\"yes\":true,\"S\":1}");
        int64_t value = -1;

        assert_true(object_has(tree, "s", "t"));
        assert_false(object_has(tree, "s", "T"));
        assert_null(object_string(tree, "S"));
        assert_null(object_string(tree, "i"));
        assert_null(object_string(NULL, "s"));
        assert_non_null(object_object(tree, "o"));
        assert_null(object_object(tree, "a"));
        assert_non_null(object_array(tree, "a"));
        assert_true(object_is_true(tree, "yes"));
        assert_true(object_integer(tree, "i", 0, 7, &value));
        assert_int_equal(value, 7);
        assert_false(object_integer(tree, "i", 0, 6, &value));
        assert_false(object_integer(tree, "f", 0, 100, &value));
        assert_false(object_integer(tree, "big", INT64_MIN, INT64_MAX, &value));
}

/* An event of a stranger takes no more memory than others: its content is null, and what is around it stays.
 */
static void test_contents_of_many_values(void **state)
{
        static const struct {
                const char *before, *item, *after; /* around many items */
                unsigned n;
                bool kept;
        } rows[] = {
                { "[", "0,", "0]", 1900, true },
                { "[", "0,", "0]", 2100, false },
                { "{\"a\":[", "{},", "{}]}", 900, true },
                { "{\"a\":[", "{},", "{}]}", 1100, false },
                { "{\"a\":{\"content\":[", "[[]],", "0]}}", 1100, false },
                { "{\"a\":\"", ",[{", "\"}", 5000, true },
                { "{\"deep\":[", "[[],[]],", "0]}", 40000, false },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                for (int spaced = 0; spaced < 2; spaced++) {
                        _cleanup_(text_done) Text text = TEXT_NULL;
                        _cleanup_(json_freep) cJSON *tree = NULL;

                        text_append(&text, spaced ? "[{\"a\":\"\\u0000\",\"content\" : " : "[{\"content\":");
                        text_append(&text, rows[i].before);
                        for (unsigned n = 0; n < rows[i].n; n++)
                                text_append(&text, rows[i].item);
                        text_append(&text, rows[i].after);
                        text_append(&text, ",\"type\":\"t\"},{\"content\":{\"b\":1}},[[[0]]]]");
                        assert_ok(text.error);
                        assert_ok(matrix_json_parse(BYTES(text.data, text.size), SIZE_MAX, &tree));
                        assert_int_equal(cJSON_GetArraySize(tree), 3);
                        const cJSON *event = cJSON_GetArrayItem(tree, 0);
                        assert_int_equal(cJSON_IsNull(object_get(event, "content")), !rows[i].kept);
                        assert_true(object_has(event, "type", "t"));
                        assert_non_null(object_object(cJSON_GetArrayItem(tree, 1), "content"));
                }
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_contents_of_many_values),
                cmocka_unit_test(test_canonical),
                cmocka_unit_test(test_what_has_no_canonical_form),
                cmocka_unit_test(test_signing_leaves_out_only_the_outermost),
                cmocka_unit_test(test_hostile_values),
                cmocka_unit_test(test_deep_values_are_null),
                cmocka_unit_test(test_what_is_no_json),
                cmocka_unit_test(test_pack),
                cmocka_unit_test(test_members),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
