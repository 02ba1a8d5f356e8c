/* SPDX-License-Identifier: MIT */
/* Structs as D-Bus dictionaries. */

#include "bus/dictionary.h"

#include <math.h>

#include "message.h"
#include "test.h"

typedef struct Row {
        char *name;
} Row;

typedef struct Object {
        char *string;
        const char *text;
        bool yes;
        int32_t number;
        uint64_t size;
        int64_t count;
        double ratio;
        Bytes bytes;
        uint8_t array[4];
        Row rows[2];
        size_t n_rows;
        const char *absent;
        uint64_t zero;
        Bytes no_bytes;
        const char *texts[BUS_TEXTS_MAX];
        size_t n_texts;
} Object;

static const BusField row_fields[] = { BUS_FIELD("name", BUS_STRING, Row, name, BUS_REQUIRED) };
static const BusDictionary row_dictionary = BUS_DICTIONARY(row_fields);
static const BusRows rows = { &row_dictionary, sizeof(Row), 2 };

static const BusField fields[] = {
        BUS_FIELD("string", BUS_STRING, Object, string),
        BUS_FIELD("text", BUS_TEXT, Object, text),
        BUS_FIELD("yes", BUS_BOOL, Object, yes),
        BUS_FIELD("number", BUS_INT32, Object, number),
        BUS_FIELD("size", BUS_UINT64, Object, size, BUS_OPTIONAL),
        BUS_FIELD("count", BUS_COUNT, Object, count),
        BUS_FIELD("ratio", BUS_DOUBLE, Object, ratio),
        BUS_FIELD("bytes", BUS_BYTES, Object, bytes),
        BUS_FIELD("array", BUS_ARRAY, Object, array, 0, sizeof(((Object *) 0)->array)),
        BUS_FIELD_ROWS("rows", &rows, Object, rows, n_rows),
        BUS_FIELD("absent", BUS_TEXT, Object, absent, BUS_OPTIONAL),
        BUS_FIELD("zero", BUS_UINT64, Object, zero, BUS_OPTIONAL),
        BUS_FIELD("no_bytes", BUS_BYTES, Object, no_bytes, BUS_OPTIONAL),
        BUS_FIELD_TEXTS("texts", Object, texts, n_texts),
};
static const BusDictionary lenient = BUS_DICTIONARY(fields);
static const BusDictionary strict = { fields, ELEMENTSOF(fields), .strict = true };

/* A wider table, with a field that is not on the bus. */
static const struct {
        int width;
        BusField bus;
} wide_fields[] = {
        { 1, { .key = NULL } },
        { 2, BUS_FIELD("string", BUS_STRING, Object, string, BUS_REQUIRED) },
        { 3, BUS_FIELD("size", BUS_UINT64, Object, size) },
};
static const BusDictionary wide = BUS_DICTIONARY_OF(wide_fields, bus);

static sd_bus *bus;

static int set_up(void **state)
{
        bus = message_bus_new();
        return 0;
}

static int tear_down(void **state)
{
        bus = sd_bus_unref(bus);
        return 0;
}

static void object_done(Object *object)
{
        free(object->string);
        for (size_t i = 0; i < object->n_rows; i++)
                free(object->rows[i].name);
}

static void test_every_type_round_trips(void **state)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = message_new(bus);
        _cleanup_(object_done) Object read = { .absent = "kept", .zero = 7, .no_bytes = { NULL, 7 } };
        const Object object = { .string = (char *) "owned",
                                .text = "borrowed",
                                .yes = true,
                                .number = INT32_MIN,
                                .size = UINT64_MAX,
                                .count = (INT64_C(1) << 53) - 1,
                                .ratio = 0.5,
                                .bytes = BYTES("\0\1", 2),
                                .array = { 1, 2, 3, 4 },
                                .rows = { { (char *) "a" }, { (char *) "b" } },
                                .n_rows = 2,
                                .texts = { "one", "" },
                                .n_texts = 2 };

        assert_ok(bus_dictionary_append(message, &strict, &object));
        assert_ok(message_seal(message));
        assert_string_equal(sd_bus_message_get_signature(message, true), "a{sv}");
        assert_err(bus_dictionary_read(message, &strict, &read), 0);

        assert_string_equal(read.string, object.string);
        assert_ptr_not_equal(read.string, object.string);
        assert_string_equal(read.text, object.text);
        assert_true(read.yes);
        assert_int_equal(read.number, object.number);
        assert_true(read.size == object.size && read.count == object.count && read.ratio == object.ratio);
        assert_true(bytes_equal(read.bytes, object.bytes));
        assert_memory_equal(read.array, object.array, sizeof read.array);
        assert_int_equal(read.n_rows, 2);
        assert_string_equal(read.rows[0].name, "a");
        assert_string_equal(read.rows[1].name, "b");
        assert_string_equal(read.absent, "kept"); /* optional and empty: not in the message */
        assert_int_equal(read.zero, 7);
        assert_int_equal(read.no_bytes.size, 7);
        assert_int_equal(read.n_texts, 2);
        assert_string_equal(read.texts[0], "one");
        assert_string_equal(read.texts[1], "");
        assert_int_equal(sd_bus_message_at_end(message, true), 1);
}

/* What each reader returns for a message, which message_seal() has made valid D-Bus. */
static void assert_results(sd_bus_message *take_message, int lenient_result, int strict_result)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = take_message;
        _cleanup_(object_done) Object first = { 0 }, second = { 0 };

        assert_ok(message_seal(message));
        assert_err(bus_dictionary_read(message, &lenient, &first), lenient_result);
        assert_ok(sd_bus_message_rewind(message, true));
        assert_err(bus_dictionary_read(message, &strict, &second), strict_result);
}

#define assert_results_of(lenient_result, strict_result, ...)                                               \
        do {                                                                                                \
                sd_bus_message *message_ = message_new(bus);                                                \
                assert_ok(sd_bus_message_append(message_, __VA_ARGS__));                                    \
                assert_results(message_, lenient_result, strict_result);                                    \
        } while (0)

static void test_what_is_rejected(void **state)
{
        const uint64_t exact = (UINT64_C(1) << 53) - 1;

        assert_results_of(0, 0, "a{sv}", 0);
        assert_results_of(0, -EBADMSG, "a{sv}", 1, "unknown", "(sv)", "x", "u", 1);
        assert_results_of(0, -EBADMSG, "a{sv}", 2, "string", "s", "a", "string", "s", "b");
        assert_results_of(0, 0, "a{sv}", 1, "count", "t", exact);
        assert_results_of(-EBADMSG, -EBADMSG, "a{sv}", 1, "count", "t", exact + 1);
        assert_results_of(-EBADMSG, -EBADMSG, "a{sv}", 1, "size", "u", 1);
        assert_results_of(-EBADMSG, -EBADMSG, "a{sv}", 1, "text", "o", "/path");
        assert_results_of(-EBADMSG, -EBADMSG, "a{sv}", 1, "bytes", "as", 1, "text");
        assert_results_of(0, 0, "a{sv}", 1, "bytes", "ay", 0);
        assert_results_of(-EBADMSG, -EBADMSG, "a{sv}", 1, "array", "ay", 0);
        assert_results_of(-EBADMSG, -EBADMSG, "a{sv}", 1, "array", "ay", 5, 1, 2, 3, 4, 5);
        assert_results_of(0, 0, "a{sv}", 1, "rows", "aa{sv}", 1, 1, "name", "s", "a");
        assert_results_of(-EBADMSG, -EBADMSG, "a{sv}", 1, "rows", "aa{sv}", 2, 1, "name", "s", "a", 0);
        assert_results_of(-EBADMSG, -EBADMSG, "a{sv}", 1, "rows", "aa{sv}", 3, 1, "name", "s", "a", 1,
                          "name", "s", "b", 1, "name", "s", "c");
        assert_results_of(0, 0, "a{sv}", 1, "texts", "as", BUS_TEXTS_MAX, "", "", "", "", "", "", "", "", "",
                          "", "", "", "", "", "", "");
        assert_results_of(-EBADMSG, -EBADMSG, "a{sv}", 1, "texts", "as", BUS_TEXTS_MAX + 1, "", "", "", "",
                          "", "", "", "", "", "", "", "", "", "", "", "", "");
        assert_results_of(-EBADMSG, -EBADMSG, "a{sv}", 1, "texts", "ay", 0);
        assert_results_of(-EBADMSG, -EBADMSG, "a{ss}", 1, "string", "a");
        assert_results_of(-EBADMSG, -EBADMSG, "s", "string");
}

static void test_the_last_of_a_repeated_key_counts(void **state)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = message_new(bus);
        _cleanup_(object_done) Object object = { 0 };

        assert_ok(sd_bus_message_append(message, "a{sv}", 2, "string", "s", "a", "string", "s", "b"));
        assert_ok(message_seal(message));
        assert_err(bus_dictionary_read(message, &lenient, &object), 0);
        assert_string_equal(object.string, "b");
}

static void test_unknown_numbers_are_not_written(void **state)
{
        static const BusField table[] = {
                BUS_FIELD("size", BUS_UINT64, Object, size, BUS_IF_KNOWN),
                BUS_FIELD("ratio", BUS_DOUBLE, Object, ratio, BUS_IF_KNOWN),
        };
        static const BusDictionary dictionary = BUS_DICTIONARY(table);
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = message_new(bus);
        Object object = { .size = 1, .ratio = 2 };

        assert_ok(
                bus_dictionary_append(message, &dictionary, &(Object){ .size = UINT64_MAX, .ratio = NAN }));
        assert_ok(bus_dictionary_append(message, &dictionary, &(Object){ .size = 0, .ratio = 0 }));
        assert_ok(message_seal(message));
        assert_ok(bus_dictionary_read(message, &dictionary, &object));
        assert_int_equal(object.size, 1); /* unchanged */
        assert_float_equal(object.ratio, 2, 0);
        assert_ok(bus_dictionary_read(message, &dictionary, &object));
        assert_int_equal(object.size, 0);
        assert_float_equal(object.ratio, 0, 0);
}

static void test_fields_of_a_wider_table(void **state)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = message_new(bus);
        _cleanup_(object_done) Object object = { 0 };
        char string[] = "text";

        assert_ok(bus_dictionary_append(message, &wide, &(Object){ .string = string, .size = 7 }));
        assert_ok(sd_bus_message_append(message, "a{sv}", 1, "size", "t", UINT64_C(7)));
        assert_ok(message_seal(message));
        assert_ok(bus_dictionary_read(message, &wide, &object));
        assert_string_equal(object.string, "text");
        assert_int_equal(object.size, 7);
        assert_err(bus_dictionary_read(message, &wide, &object), -EBADMSG);
}

static void test_a_new_array(void **state)
{
        for (int n = 0; n <= 3; n++) {
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = message_new(bus);
                static const char *const names[] = { "a", "b", "c" };
                void *array = NULL;
                size_t n_read = 7;

                assert_ok(sd_bus_message_open_container(message, 'a', "a{sv}"));
                for (int i = 0; i < n; i++)
                        assert_ok(sd_bus_message_append(message, "a{sv}", 1, "name", "s", names[i]));
                assert_ok(sd_bus_message_close_container(message));
                assert_ok(message_seal(message));

                assert_err(bus_rows_read_new(message, &rows, &array, &n_read), n <= 2 ? 0 : -EBADMSG);
                assert_int_equal(n_read, MIN(n, 2));
                for (size_t i = 0; i < n_read; i++) {
                        assert_string_equal(((Row *) array)[i].name, names[i]);
                        free(((Row *) array)[i].name);
                }
                free(array);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_type_round_trips),
                cmocka_unit_test(test_what_is_rejected),
                cmocka_unit_test(test_the_last_of_a_repeated_key_counts),
                cmocka_unit_test(test_unknown_numbers_are_not_written),
                cmocka_unit_test(test_fields_of_a_wider_table),
                cmocka_unit_test(test_a_new_array),
        };

        return cmocka_run_group_tests(tests, set_up, tear_down);
}
