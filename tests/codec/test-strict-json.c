/* SPDX-License-Identifier: MIT */
/* JSON in which every text has one meaning: what is in the subset, and what is not. */

#include "codec/strict-json.h"

#include <stdio.h>

#include "test.h"

static int parse(const char *text, cJSON **ret_tree)
{
        return strict_json_parse(bytes_of_string(text), 4096, ret_tree, NULL);
}

static void test_what_is_in_it_is_read(void **state)
{
        static const struct {
                const char *text, *printed;
        } rows[] = {
                { "{}", "{}" },
                { " {\t\"a\" :\r\n 1 } ", "{\"a\":1}" },
                { "{\"a\":-9007199254740991,\"b\":9007199254740991}",
                  "{\"a\":-9007199254740991,\"b\":9007199254740991}" },
                { "{\"a\":[true,false,null,0,-1,[],{}]}", "{\"a\":[true,false,null,0,-1,[],{}]}" },
                { "{\"a\":\"\\\"\\\\\\/\"}", "{\"a\":\"\\\"\\\\/\"}" },
                { "{\"a\":\"\\u00e9\\uD83D\\uDC4D\"}", "{\"a\":\"\xc3\xa9\xf0\x9f\x91\x8d\"}" },
                { "{\"a\":\"\xf0\x9f\x91\x8d\"}", "{\"a\":\"\xf0\x9f\x91\x8d\"}" },
                { "{\"a\":1,\"A\":2}", "{\"a\":1,\"A\":2}" },
                { "{\"a\":[[[[[[[1]]]]]]]}", "{\"a\":[[[[[[[1]]]]]]]}" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(json_deletep) cJSON *tree = NULL;
                _cleanup_(freep) char *printed = NULL;

                assert_ok(parse(rows[i].text, &tree));
                assert_ok(strict_json_format(tree, &printed));
                assert_string_equal(printed, rows[i].printed);
        }
}

static const char *const refused[] = {
        "",
        "[]",
        "1",
        "\"a\"",
        "null",
        "{",
        "{}}",
        "{} {}",
        "{},",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{,}",
        "{\"a\":[1,]}",
        "{\"a\":[,1]}",
        "{a:1}",
        "{'a':1}",
        "{\"a\":1 \"b\":2}",
        "{\"a\":1}//",
        "\xef\xbb\xbf{}",
        "{\"a\":01}",
        "{\"a\":-0}",
        "{\"a\":+1}",
        "{\"a\":-}",
        "{\"a\":1.0}",
        "{\"a\":1.}",
        "{\"a\":.1}",
        "{\"a\":1e3}",
        "{\"a\":1E3}",
        "{\"a\":0x1}",
        "{\"a\":NaN}",
        "{\"a\":Infinity}",
        "{\"a\":9007199254740992}",
        "{\"a\":-9007199254740992}",
        "{\"a\":99999999999999999999999999}",
        "{\"a\":True}",
        "{\"a\":nul}",
        "{\"a\":\"\t\"}",
        "{\"a\":\"\n\"}",
        "{\"a\":\"\x7f\"}",
        "{\"a\":\"\xc2\x85\"}", /* a control character beyond ASCII */
        "{\"a\":\"\\n\"}",
        "{\"a\":\"\\u0000\"}",
        "{\"a\":\"\\u001f\"}",
        "{\"a\":\"\\u007f\"}",
        "{\"a\":\"\\u0085\"}",
        "{\"a\":\"\\x41\"}",
        "{\"a\":\"\\u12\"}",
        "{\"a\":\"\\u12g4\"}",
        "{\"a\":\"\\uD83D\"}",
        "{\"a\":\"\\uD83Dx\"}",
        "{\"a\":\"\\uD83D\\u0041\"}",
        "{\"a\":\"\\uDC4D\"}",
        "{\"a\":\"\xc0\x80\"}",         /* overlong */
        "{\"a\":\"\xe0\x80\xaf\"}",     /* overlong */
        "{\"a\":\"\xed\xa0\x80\"}",     /* a surrogate */
        "{\"a\":\"\xf4\x90\x80\x80\"}", /* beyond Unicode */
        "{\"a\":\"\xff\"}",
        "{\"a\":\"\xc3\"}",
        "{\"a\":\"\\",
        "{\"a\":\"",
        "{\"a\":1,\"a\":2}",
        "{\"a\":1,\"\\u0061\":2}",
        "{\"b\":{\"a\":1,\"a\":1}}",
        "{\"a\":[[[[[[[[1]]]]]]]]}",
};

static void test_what_is_not_in_it_is_refused(void **state)
{
        cJSON *tree = NULL;

        for (size_t i = 0; i < ELEMENTSOF(refused); i++)
                if (parse(refused[i], &tree) != -EBADMSG)
                        fail_msg("was taken: %s", refused[i]);
        assert_null(tree);

        assert_err(strict_json_parse(BYTES("{\"a\":\"\0\"}", 9), 100, &tree, NULL), -EBADMSG);
        assert_err(strict_json_parse(BYTES("{}\0", 3), 100, &tree, NULL), -EBADMSG);
        assert_err(strict_json_parse(bytes_of_string("{   }"), 4, &tree, NULL), -EFBIG);
}

static void test_faults_say_where(void **state)
{
        static const struct {
                const char *text;
                size_t at;
                const char *why;
        } rows[] = {
                { "[]", 0, "not an object" },
                { "{\"a\":1,\"a\":2}", 10, "a key stands twice in one object" },
                { "{\"a\":1}x", 7, "something follows the object" },
                { "{\"a\":\"\\n\"}", 8, "an escape that is not allowed" },
                { "{\"a\":\"b\xc3\"}", 7, "not UTF-8" },
                { "{\"a\":\"b\x1f\"}", 8, "a control character in a string" },
                { "{\"a\":\"b", 6, "a string does not end" },
                { "{\"a\":\"\\n", 6, "a string does not end" }, /* above all else that is wrong with it */
                { "{\"a\":\"\\\"", 6, "a string does not end" },
                { "{\"a\":\"\xff", 6, "a string does not end" },
                { "{\"a\":1,\"b\x1f", 8, "a string does not end" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                JsonFault fault = { 0 };
                cJSON *tree = NULL;

                assert_err(strict_json_parse(bytes_of_string(rows[i].text), 100, &tree, &fault), -EBADMSG);
                assert_int_equal(fault.at, rows[i].at);
                assert_string_equal(fault.why, rows[i].why);
                assert_null(tree);
        }
}

/* Strings are read eight characters at a time: every byte is judged alike at every place among them. */
static void test_every_byte_at_every_place(void **state)
{
        for (int byte = 0; byte < 256; byte++)
                for (size_t place = 0; place < 24; place++) {
                        char text[64] = "{\"a\":\"aaaaaaaaaaaaaaaaaaaaaaaa\"}";
                        bool plain = byte >= ' ' && byte < 0x7f && byte != '"' && byte != '\\';
                        Bytes string = BYTES(text + 6, 24);
                        cJSON *tree = NULL;

                        text[6 + place] = (char) byte;
                        assert_int_equal(strict_json_plain_length(string), plain ? 24 : place);
                        assert_err(strict_json_parse(BYTES(text, 32), 100, &tree, NULL),
                                   plain ? 0 : -EBADMSG);
                        if (plain)
                                assert_memory_equal(tree->child->valuestring, string.data, 25 - 1);
                        cJSON_Delete(tree);

                        text[30] = '\0';
                        if (byte != '"' && byte != '\\' && byte != '\0')
                                assert_int_equal(strict_json_text_valid(text + 6), plain);
                }
}

/* Keys of which some must share a mark: all of them are taken, and none a second time. */
static void test_each_key_stands_once(void **state)
{
        for (int twice = 0; twice < STRICT_JSON_MEMBERS; twice++) {
                char text[1024], *at = text;
                cJSON *tree = NULL;

                for (int i = 0; i < STRICT_JSON_MEMBERS - 1; i++)
                        at += sprintf(at, "%s\"k%d\":0", i == 0 ? "{" : ",", i);
                at += sprintf(at, ",\"k%d\":0}", twice);

                int expected = twice == STRICT_JSON_MEMBERS - 1 ? 0 : -EBADMSG;
                assert_err(parse(text, &tree), expected);
                assert_int_equal(cJSON_GetArraySize(tree), expected == 0 ? STRICT_JSON_MEMBERS : 0);
                cJSON_Delete(tree);
        }
}

/* What is only to be looked at is the same, and goes in one piece. */
static void test_trees_to_look_at(void **state)
{
        static const char text[] =
                "{\"a\":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17],\"b\":{\"c\":\"\\\\\"},"
                "\"d\":[true,false,null],\"e\":{}}";
        _cleanup_(json_tree_done) JsonTree tree = JSON_TREE_NULL;
        _cleanup_(json_deletep) cJSON *copy = NULL;
        _cleanup_(freep) char *printed = NULL;

        assert_err(strict_json_read(bytes_of_string("{\"a\":[1,2}"), 1024, &tree, NULL), -EBADMSG);
        assert_null(tree.root);
        assert_ok(strict_json_read(BYTES(text, sizeof text - 1), 1024, &tree, NULL));
        assert_ok(strict_json_format(tree.root, &printed));
        assert_string_equal(printed, text);
        assert_ok(parse(text, &copy));
        assert_true(cJSON_Compare(tree.root, copy, true));
        assert_ptr_equal(cJSON_GetArrayItem(tree.root, 3), tree.root->child->prev);

        json_tree_done(&tree);
        assert_null(tree.root);
}

/* However much comes, the tree has a bound. */
static void test_there_are_only_so_many_values(void **state)
{
        _cleanup_(freep) char *text = malloc(STRICT_JSON_VALUES * 2 + 100);
        _cleanup_(json_deletep) cJSON *tree = NULL;
        char *at = text + sprintf(text, "{\"a\":[1");

        for (int i = 0; i < STRICT_JSON_VALUES - 3; i++)
                at = stpcpy(at, ",1");
        strcpy(at, "]}");
        assert_ok(strict_json_parse(bytes_of_string(text), SIZE_MAX, &tree, NULL));

        strcpy(at, ",1]}");
        assert_err(strict_json_parse(bytes_of_string(text), SIZE_MAX, &tree, NULL), -EBADMSG);

        at = text;
        at += sprintf(at, "{\"k\":0");
        for (int i = 1; i < STRICT_JSON_MEMBERS; i++)
                at += sprintf(at, ",\"k%d\":0", i);
        strcpy(at, ",\"one too many\":0}");
        assert_err(strict_json_parse(bytes_of_string(text), SIZE_MAX, &tree, NULL), -EBADMSG);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_what_is_in_it_is_read),
                cmocka_unit_test(test_what_is_not_in_it_is_refused),
                cmocka_unit_test(test_faults_say_where),
                cmocka_unit_test(test_every_byte_at_every_place),
                cmocka_unit_test(test_each_key_stands_once),
                cmocka_unit_test(test_trees_to_look_at),
                cmocka_unit_test(test_there_are_only_so_many_values),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
