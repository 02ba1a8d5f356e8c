/* SPDX-License-Identifier: MIT */
/* JSON text, written front to back. */

#include "codec/json.h"

#include <cjson/cJSON.h>
#include <math.h>

#include "test.h"

static void test_an_empty_object_and_array(void **state)
{
        _cleanup_(json_done) Json json = JSON_NULL;
        _cleanup_(freep) char *object = NULL, *array = NULL;

        json_open_object(&json, NULL);
        json_close_object(&json);
        assert_ok(json_take(&json, &object, NULL));
        assert_string_equal(object, "{}");

        json_open_array(&json, NULL);
        json_close_array(&json);
        assert_ok(json_take(&json, &array, NULL));
        assert_string_equal(array, "[]");
}

static void test_commas_stand_between_values_at_every_depth(void **state)
{
        _cleanup_(json_done) Json json = JSON_NULL;
        _cleanup_(freep) char *string = NULL;
        size_t size;

        json_open_object(&json, NULL);
        json_add_bool(&json, "a", true);
        json_open_array(&json, "b");
        json_add_u64(&json, NULL, 1);
        json_open_object(&json, NULL);
        json_close_object(&json);
        json_add_null(&json, NULL);
        json_close_array(&json);
        json_add_string(&json, "c", NULL);
        json_add_bool(&json, "d", false);
        json_add_hex(&json, "e", BYTES("\x00\xfe", 2));
        json_add_hex(&json, "f", BYTES_NULL);
        json_close_object(&json);

        assert_ok(json_take(&json, &string, &size));
        assert_string_equal(string, "{\"a\":true,\"b\":[1,{},null],\"c\":null,\"d\":false,"
                                    "\"e\":\"00fe\",\"f\":null}");
        assert_int_equal(size, strlen(string));
}

static void test_numbers(void **state)
{
        static const struct {
                double value;
                int digits;
                const char *text;
        } rows[] = {
                { 41, 1, "[41.0]" },
                { 12.44, 1, "[12.4]" },
                { 0, 1, "[0.0]" },
                { 0.05, 2, "[0.05]" },
                { 1e15, 1, "[1000000000000000.0]" },
                { NAN, 1, "[null]" },
                { INFINITY, 1, "[null]" },
                { -INFINITY, 2, "[null]" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(json_done) Json json = JSON_NULL;
                _cleanup_(freep) char *string = NULL;

                json_open_array(&json, NULL);
                json_add_decimal(&json, NULL, rows[i].value, rows[i].digits);
                json_close_array(&json);
                assert_ok(json_take(&json, &string, NULL));
                assert_string_equal(string, rows[i].text);
        }
}

static void test_all_bits_of_large_numbers_survive(void **state)
{
        _cleanup_(json_done) Json json = JSON_NULL;
        _cleanup_(freep) char *string = NULL;

        json_add_u64(&json, NULL, UINT64_MAX);
        assert_ok(json_take(&json, &string, NULL));
        assert_string_equal(string, "18446744073709551615");
}

static void test_strings_are_escaped_and_always_utf8(void **state)
{
        static const struct {
                const char *value, *text;
        } rows[] = {
                { "", "\"\"" },
                { "docker.service", "\"docker.service\"" },
                { "a\"b\\c/d", "\"a\\\"b\\\\c/d\"" },
                { "\b\t\n\f\r", "\"\\b\\t\\n\\f\\r\"" },
                { "\x01\x1f\x7f", "\"\\u0001\\u001f\\u007f\"" },
                { "\xc2\x9b"
                  "2J",
                  "\"\\u009b2J\"" },
                { "ma\xc3\xb1"
                  "ana \xe2\x82\xac \xf0\x9f\x91\x8d",
                  "\"ma\xc3\xb1"
                  "ana \xe2\x82\xac \xf0\x9f\x91\x8d\"" },
                { "\xff", "\"\xef\xbf\xbd\"" },
                { "a\xc3", "\"a\xef\xbf\xbd\"" },                               /* cut */
                { "\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\"" },                 /* overlong */
                { "\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" }, /* surrogate */
                { "\xf4\x90\x80\x80x", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdx\"" },
                { "\xe2\x82\"", "\"\xef\xbf\xbd\xef\xbf\xbd\\\"\"" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(json_done) Json json = JSON_NULL;
                _cleanup_(freep) char *string = NULL;

                json_add_string(&json, NULL, rows[i].value);
                assert_ok(json_take(&json, &string, NULL));
                assert_string_equal(string, rows[i].text);
        }
}

static void test_times_are_utc(void **state)
{
        _cleanup_(json_done) Json json = JSON_NULL;
        _cleanup_(freep) char *string = NULL;

        json_open_array(&json, NULL);
        json_add_time(&json, NULL, 0);
        json_add_time(&json, NULL, 1709208000 * USEC_PER_SEC + 250999);
        json_add_time(&json, NULL, USEC_INFINITY);
        json_close_array(&json);
        assert_ok(json_take(&json, &string, NULL));
        assert_string_equal(string, "[null,\"2024-02-29T12:00:00.250Z\",\"586524-01-19T08:01:49.551Z\"]");
}

/* Every byte value, in a key and in a value: another reader must take it. */
static void test_another_reader_agrees(void **state)
{
        _cleanup_(json_done) Json json = JSON_NULL;
        _cleanup_(freep) char *string = NULL;
        char bytes[256];

        for (int i = 0; i < 255; i++)
                bytes[i] = (char) (i + 1);
        bytes[255] = '\0';

        json_open_object(&json, NULL);
        json_add_string(&json, bytes, bytes);
        json_close_object(&json);
        assert_ok(json_take(&json, &string, NULL));

        cJSON *tree = cJSON_Parse(string);
        assert_non_null(tree);
        assert_non_null(tree->child);
        assert_memory_equal(tree->child->valuestring, bytes, 127);
        assert_string_equal(tree->child->valuestring, tree->child->string);
        cJSON_Delete(tree);
}

static void test_the_first_failure_sticks(void **state)
{
        _cleanup_(json_done) Json json = JSON_NULL;
        _cleanup_(freep) char *string = NULL;

        json.text.error = -ENOMEM;
        json_open_object(&json, NULL);
        json_add_string(&json, "a", "b");
        json_close_object(&json);
        assert_err(json_take(&json, &string, NULL), -ENOMEM);
        assert_null(string);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_an_empty_object_and_array),
                cmocka_unit_test(test_commas_stand_between_values_at_every_depth),
                cmocka_unit_test(test_numbers),
                cmocka_unit_test(test_all_bits_of_large_numbers_survive),
                cmocka_unit_test(test_strings_are_escaped_and_always_utf8),
                cmocka_unit_test(test_times_are_utc),
                cmocka_unit_test(test_another_reader_agrees),
                cmocka_unit_test(test_the_first_failure_sticks),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
