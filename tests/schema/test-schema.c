/* SPDX-License-Identifier: MIT */
/* Tables: every type of field, parsed and formatted, and the values that each type rejects. */

#include "schema/schema.h"

#include <stdio.h>

#include "proto/error.h"

#include "test.h"

typedef struct Part {
        int64_t n;
} Part;

typedef struct Document {
        int64_t integer, optional;
        int64_t range[2];
        bool boolean;
        char *string;
        int name;
        uint8_t hex[2];
        SchemaBlob blob;
        LIST_OF(char *) strings;
        LIST_OF(uint8_t) digests;
        LIST_OF(SchemaPair) map;
        char *json;
        Part part;
        LIST_OF(Part) parts;
} Document;

static bool lower(const char *text)
{
        return strspn(text, "abcdefghijklmnopqrstuvwxyz") == strlen(text);
}

static const char *const names[] = { "zero", "one", NULL };

#define AT(member) offsetof(Document, member)

/* clang-format off */
static const SchemaField part_fields[] = { { "n", SCHEMA_INTEGER, true, offsetof(Part, n), 1, 9 } };
static const Schema part_schema = { .size = sizeof(Part), SCHEMA_TABLE(part_fields) };

static const SchemaField document_fields[] = {
        { "v",       SCHEMA_CONSTANT, true,  .min = 1 },
        { "integer", SCHEMA_INTEGER,  true,  AT(integer), -5, 5 },
        { "optional",SCHEMA_INTEGER,  false, AT(optional), 1, 100, .fallback = 7 },
        { "range",   SCHEMA_RANGE,    false, AT(range), 0, 10 },
        { "boolean", SCHEMA_BOOLEAN,  false, AT(boolean), .fallback = 1 },
        { "string",  SCHEMA_STRING,   false, AT(string), 2, 4, .valid = lower },
        { "name",    SCHEMA_NAME,     false, AT(name), .names = names },
        { "hex",     SCHEMA_HEX,      false, AT(hex), .max = 2 },
        { "blob",    SCHEMA_BASE64,   false, AT(blob), 1, 3 },
        { "strings", SCHEMA_STRINGS,  false, AT(strings), 1, 2, .valid = lower },
        { "digests", SCHEMA_DIGESTS,  false, AT(digests), 1, 2 },
        { "map",     SCHEMA_MAP,      false, AT(map), 1, 2, .valid = lower },
        { "json",    SCHEMA_JSON,     false, AT(json) },
        { "part",    SCHEMA_OBJECT,   false, AT(part), .nested = &part_schema },
        { "parts",   SCHEMA_OBJECTS,  false, AT(parts), 1, 2, .nested = &part_schema },
};
/* clang-format on */

static const char *check(const void *object)
{
        return ((const Document *) object)->integer == 4 ? "is four" : NULL;
}

static const Schema document_schema = {
        .size = sizeof(Document), .max_bytes = 1024, SCHEMA_TABLE(document_fields), .check = check
};

DEFINE_DOCUMENT(Document, document);

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"
#define ONES  "1111111111111111111111111111111111111111111111111111111111111111"

static void test_round_trips(void **state)
{
        static const char *const rows[] = {
                "{\"v\":1,\"integer\":-5}",
                "{\"v\":1,\"integer\":5,\"optional\":100,\"range\":[0,10],\"boolean\":false,\"string\":"
                "\"ab\",\"name\":\"one\","
                "\"hex\":\"00ff\",\"blob\":\"AAEC\",\"strings\":[\"a\",\"\"],\"digests\":[\"" ZEROS
                "\",\"" ONES "\"],"
                "\"map\":{\"a\":\"1\",\"b\":\"\"},\"json\":{\"x\":[9007199254740991]},\"part\":{\"n\":1},"
                "\"parts\":[{\"n\":2},{\"n\":9}]}",
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(document_freep) Document *document = NULL;
                _cleanup_(freep) char *text = NULL;

                assert_err(document_parse(bytes_of_string(rows[i]), &document, NULL), 0);
                assert_int_equal(document->optional, i == 0 ? 7 : 100);
                assert_int_equal(document->boolean, i == 0);
                assert_err(document_format(document, &text, NULL), 0);
                assert_string_equal(text, rows[i]);
        }
}

/* The order of the table is that of writing; reading takes any order. */
static void test_keys_come_in_any_order(void **state)
{
        static const char text[] =
                "{\"part\":{\"n\":1},\"string\":\"ab\",\"v\":1,\"name\":\"one\",\"integer\":3}";
        _cleanup_(document_freep) Document *document = NULL;
        _cleanup_(freep) char *written = NULL;

        assert_err(document_parse(BYTES(text, sizeof text - 1), &document, NULL), 0);
        assert_err(document_format(document, &written, NULL), 0);
        assert_string_equal(written,
                            "{\"v\":1,\"integer\":3,\"string\":\"ab\",\"name\":\"one\",\"part\":{\"n\":1}}");
}

/* Each replaces `"integer":1` in an otherwise good text. */
static const struct {
        const char *members, *path;
} rejected[] = {
        { "\"integer\":6", "integer" },
        { "\"integer\":-6", "integer" },
        { "\"integer\":\"1\"", "integer" },
        { "\"integer\":true", "integer" },
        { "\"integer\":null", "integer" },
        { "\"integer\":[1]", "integer" },
        { "\"integer\":4", "" },
        { "\"Integer\":1", "Integer" },
        { "\"integer\":1,\"extra\":1", "extra" },
        { "\"integer\":1,\"\\u2028\":1", "?" },
        { "\"integer\":1,\"range\":[5,1]", "range" },
        { "\"integer\":1,\"range\":[1]", "range" },
        { "\"integer\":1,\"range\":[0,11]", "range" },
        { "\"integer\":1,\"boolean\":0", "boolean" },
        { "\"integer\":1,\"string\":\"a\"", "string" },
        { "\"integer\":1,\"string\":\"abcde\"", "string" },
        { "\"integer\":1,\"string\":\"AB\"", "string" },
        { "\"integer\":1,\"string\":null", "string" },
        { "\"integer\":1,\"name\":\"two\"", "name" },
        { "\"integer\":1,\"name\":1", "name" },
        { "\"integer\":1,\"hex\":\"00\"", "hex" },
        { "\"integer\":1,\"hex\":\"00FF\"", "hex" },
        { "\"integer\":1,\"blob\":\"\"", "blob" },
        { "\"integer\":1,\"blob\":\"AAECAw==\"", "blob" },
        { "\"integer\":1,\"blob\":\"AAE\"", "blob" },
        { "\"integer\":1,\"strings\":[]", "strings" },
        { "\"integer\":1,\"strings\":[\"a\",\"b\",\"c\"]", "strings" },
        { "\"integer\":1,\"strings\":[\"a\",1]", "strings[1]" },
        { "\"integer\":1,\"strings\":{\"a\":1}", "strings" },
        { "\"integer\":1,\"digests\":[\"" ONES "\",\"" ONES "\"]", "digests[1]" },
        { "\"integer\":1,\"map\":{\"A\":\"\"}", "map" },
        { "\"integer\":1,\"map\":{\"a\":1}", "map" },
        { "\"integer\":1,\"map\":[]", "map" },
        { "\"integer\":1,\"json\":[]", "json" },
        { "\"integer\":1,\"part\":{}", "part.n" },
        { "\"integer\":1,\"part\":{\"n\":1,\"m\":2}", "part.m" },
        { "\"integer\":1,\"part\":[1]", "part" },
        { "\"integer\":1,\"parts\":[{\"n\":1},{\"n\":0}]", "parts[1].n" },
        { "\"integer\":1,\"parts\":[{\"n\":1},{\"n\":1,\"\":2}]", "parts[1]." },
        { "\"integer\":1,\"parts\":[{\"n\":1},{\"n\":1,\"\\u2028\":2}]", "parts[1].?" },
        { "\"integer\":1,\"parts\":[{\"n\":1},2]", "parts[1]" },
        { "\"integer\":1,\"\":1", "" },
        { "\"integer\":6,\"extra\":1", "extra" },    /* keys are checked before values */
        { "\"string\":1,\"integer\":6", "integer" }, /* and values in the order of the table */
};

static void test_everydocument_else_is_rejected_with_its_place(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(rejected); i++) {
                Document *document = NULL;
                SchemaFault fault = { 0 };
                char text[512];

                (void) snprintf(text, sizeof text, "{\"v\":1,%s}", rejected[i].members);
                if (document_parse(bytes_of_string(text), &document, &fault) != DEVBOX_ERROR_BAD_SCHEMA)
                        fail_msg("accepted: %s", text);
                assert_string_equal(fault.path, rejected[i].path);
                assert_non_null(fault.why);
        }
}

static void test_constants_are_required(void **state)
{
        Document *document = NULL;

        assert_err(document_parse(bytes_of_string("{\"v\":2,\"integer\":1}"), &document, NULL),
                   DEVBOX_ERROR_BAD_SCHEMA);
        assert_err(document_parse(bytes_of_string("{\"integer\":1}"), &document, NULL),
                   DEVBOX_ERROR_BAD_SCHEMA);
        assert_null(document);
}

/* All rules apply to a tree of another parser, also those that strict_json_parse() enforces. */
static void test_trees_of_other_parsers(void **state)
{
        static const double numbers[] = { 1.5, 1e300, -1e300, 9007199254740992.0 };
        SchemaFault fault = { 0 };
        Document *document = NULL;

        for (size_t i = 0; i < ELEMENTSOF(numbers); i++) {
                cJSON *tree = cJSON_CreateObject();

                (void) cJSON_AddNumberToObject(tree, "v", 1);
                (void) cJSON_AddNumberToObject(tree, "integer", numbers[i]);
                assert_err(schema_bind(&document_schema, tree, (void **) &document, NULL),
                           DEVBOX_ERROR_BAD_SCHEMA);
                cJSON_Delete(tree);
        }

        cJSON *tree = cJSON_CreateObject();
        (void) cJSON_AddNumberToObject(tree, "v", 1);
        (void) cJSON_AddNumberToObject(tree, "integer", 1);
        (void) cJSON_AddNumberToObject(tree, "integer", 2);
        assert_err(schema_bind(&document_schema, tree, (void **) &document, &fault),
                   DEVBOX_ERROR_BAD_SCHEMA);
        assert_string_equal(fault.path, "");
        assert_string_equal(fault.why, "has a key twice");
        cJSON_Delete(tree);
        assert_null(document);
}

#define SIXTY "sixty_characters_of_a_key_0123456789_0123456789_0123456789_a"

static const SchemaField inner_fields[] = { { SIXTY "_in", SCHEMA_INTEGER, true, 0, 1, 9 } };
static const Schema inner_schema = { .size = sizeof(Part), SCHEMA_TABLE(inner_fields) };
static const SchemaField middle_fields[] = { { SIXTY "_mid", SCHEMA_OBJECT, true, 0,
                                               .nested = &inner_schema } };
static const Schema middle_schema = { .size = sizeof(Part), SCHEMA_TABLE(middle_fields) };
static const SchemaField outer_fields[] = { { SIXTY "_out", SCHEMA_OBJECT, true, 0,
                                              .nested = &middle_schema } };
static const Schema outer_schema = { .size = sizeof(Part), .max_bytes = 1024, SCHEMA_TABLE(outer_fields) };

/* A path that is too long loses its end, not its beginning. */
static void test_long_paths_are_cut(void **state)
{
        static const char whole[] = SIXTY "_out." SIXTY "_mid." SIXTY "_in";
        static const char text[] = "{\"" SIXTY "_out\":{\"" SIXTY "_mid\":{\"" SIXTY "_in\":0}}}";
        SchemaFault fault;
        void *object = NULL;

        assert_err(schema_parse(&outer_schema, BYTES(text, sizeof text - 1), &object, &fault),
                   DEVBOX_ERROR_BAD_SCHEMA);
        assert_true(startswith(whole, fault.path));
        assert_in_range(strlen(fault.path), sizeof fault.path - 2, sizeof fault.path - 1);
        assert_string_equal(fault.why, "is out of range");
}

/* Objects that could not be parsed again are rejected. */
static void test_invalid_objects_are_not_formatted(void **state)
{
        static char control[] = "a\nb", upper[] = "AB";
        const Document rows[] = {
                { .integer = 9, .optional = 7, .boolean = true },
                { .integer = 1, .optional = 0, .boolean = true },
                { .integer = 1, .optional = 7, .string = control },
                { .integer = 1, .optional = 7, .string = upper },
                { .integer = 1, .optional = 7, .name = 5 },
                { .integer = 1, .optional = 7, .json = control },
        };
        char *text = NULL;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                assert_err(document_format(&rows[i], &text, NULL), DEVBOX_ERROR_BAD_SCHEMA);
        assert_null(text);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_round_trips),
                cmocka_unit_test(test_keys_come_in_any_order),
                cmocka_unit_test(test_everydocument_else_is_rejected_with_its_place),
                cmocka_unit_test(test_constants_are_required),
                cmocka_unit_test(test_trees_of_other_parsers),
                cmocka_unit_test(test_long_paths_are_cut),
                cmocka_unit_test(test_invalid_objects_are_not_formatted),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
