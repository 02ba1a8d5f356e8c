/* SPDX-License-Identifier: MIT */
/* The strict JSON profile: what it accepts, and what it rejects. */

#include "codec/strict-json.h"

#include <stdio.h>

#include "test.h"

static int parse(const char *text, cJSON **ret_tree)
{
        return strict_json_parse(bytes_of_string(text), 4096, ret_tree, NULL);
}

static void test_documents_of_the_profile(void **state)
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

static const char *const rejected[] = {
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

static void test_everything_else_is_rejected(void **state)
{
        cJSON *tree = NULL;

        for (size_t i = 0; i < ELEMENTSOF(rejected); i++)
                if (parse(rejected[i], &tree) != -EBADMSG)
                        fail_msg("accepted: %s", rejected[i]);
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
                { "{\"a\":1,\"a\":2}", SIZE_MAX, "a key occurs twice in one object" },
                { "{\"a\":1}x", 7, "text after the object" },
                { "{\"a\":\"\\n\"}", 7, "an escape that is not allowed" },
                { "{\"a\":\"b\xc3\"}", 7, "not UTF-8" },
                { "{\"a\":\"b\x1f\"}", 7, "a control character in a string" },
                { "{\"a\":\"b", 7, "a string does not end" },
                { "{\"a\":\"\\\"", 8, "a string does not end" },
                { "{\"a\":1,\"b", 9, "a string does not end" },
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

static void test_every_byte_at_every_place(void **state)
{
        for (int byte = 0; byte < 256; byte++)
                for (size_t place = 0; place < 24; place++) {
                        char text[64] = "{\"a\":\"aaaaaaaaaaaaaaaaaaaaaaaa\"}";
                        bool plain = byte >= ' ' && byte < 0x7f && byte != '"' && byte != '\\';
                        Bytes string = BYTES(text + 6, 24);
                        cJSON *tree = NULL;

                        text[6 + place] = (char) byte;
                        assert_err(strict_json_parse(BYTES(text, 32), 100, &tree, NULL),
                                   plain ? 0 : -EBADMSG);
                        if (plain)
                                assert_memory_equal(tree->child->valuestring, string.data, string.size);
                        cJSON_Delete(tree);

                        text[30] = '\0';
                        if (byte != '"' && byte != '\\' && byte != '\0')
                                assert_int_equal(strict_json_text_valid(text + 6), plain);
                }
}

/* As many keys as an object may have, the last of them a duplicate of each of the others by turns. */
static void test_duplicate_keys_anywhere(void **state)
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

/* The size of the tree has a bound of its own, whatever the text. */
static void test_limits(void **state)
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
                cmocka_unit_test(test_documents_of_the_profile),
                cmocka_unit_test(test_everything_else_is_rejected),
                cmocka_unit_test(test_faults_say_where),
                cmocka_unit_test(test_every_byte_at_every_place),
                cmocka_unit_test(test_duplicate_keys_anywhere),
                cmocka_unit_test(test_limits),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
