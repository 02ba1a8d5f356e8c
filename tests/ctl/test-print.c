/* SPDX-License-Identifier: MIT */
/* What a person reads. */

#include "ctl/print.h"

#include <math.h>

#include "test.h"

static void test_bytes(void **state)
{
        static const struct {
                uint64_t bytes;
                const char *text;
        } rows[] = {
                { 0, "0 B" },
                { 1023, "1023 B" },
                { 1024, "1.0 KiB" },
                { 1536, "1.5 KiB" },
                { 1048575, "1.0 MiB" }, /* never 1024.0 KiB */
                { 1048576, "1.0 MiB" },
                { 8053063680, "7.5 GiB" },
                { 1099511627776, "1.0 TiB" },
                { UINT64_MAX - 1, "16.0 EiB" },
        };
        char buffer[FIGURE_MAX];

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                assert_string_equal(format_bytes(buffer, rows[i].bytes), rows[i].text);
}

static void test_spans(void **state)
{
        static const struct {
                usec_t seconds;
                const char *text;
        } rows[] = {
                { 0, "0 s" },
                { 59, "59 s" },
                { 60, "1 min 0 s" },
                { 301, "5 min 1 s" },
                { 3600, "1 h 0 min" },
                { 7380, "2 h 3 min" },
                { 86399, "23 h 59 min" },
                { 86400, "1 d 0 h" },
                { 123456, "1 d 10 h" },
                { 86400000, "1000 d 0 h" },
        };
        char buffer[FIGURE_MAX];

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                assert_string_equal(format_span(buffer, rows[i].seconds * USEC_PER_SEC + 999999),
                                    rows[i].text);
        assert_string_equal(format_span(buffer, USEC_INFINITY - 1), "213503982 d 8 h");
}

static void test_percentages(void **state)
{
        char buffer[FIGURE_MAX];

        assert_string_equal(format_bytes(buffer, UINT64_MAX), "?");
        assert_string_equal(format_span(buffer, USEC_INFINITY), "?");
        assert_string_equal(format_percent(buffer, NAN), "?");
        assert_string_equal(format_load(buffer, NAN), "?");
        assert_string_equal(format_load(buffer, 0.25), "0.25");
        assert_string_equal(format_percent(buffer, 0), "0.0 %");
        assert_string_equal(format_percent(buffer, 12.4), "12.4 %");
        assert_string_equal(format_percent(buffer, 100), "100.0 %");
}

/* What the table prints, which the caller frees. */
static char *print(Table *table, bool colour)
{
        char *text = NULL;
        size_t size;
        FILE *stream = open_memstream(&text, &size);

        assert_non_null(stream);
        assert_ok(table_print(table, stream, colour));
        assert_ok(fclose(stream));
        return text;
}

static void test_columns_are_aligned(void **state)
{
        _cleanup_(table_done) Table table = { .n_columns = 3 };
        _cleanup_(freep) char *text = NULL, *nothing = NULL;

        table_add(&table, STYLE_HEAD, "NAME");
        table_add(&table, STYLE_HEAD, "STATE");
        table_add(&table, STYLE_HEAD, "UNIT");
        table_add(&table, STYLE_PLAIN,
                  "ma\xc3\xb1"
                  "ana");
        table_add(&table, STYLE_GOOD, "%s", "active");
        table_add(&table, STYLE_PLAIN, "%d", 1);
        text = print(&table, false);
        assert_string_equal(text, "NAME    STATE   UNIT\nma\xc3\xb1"
                                  "ana  active  1\n");

        nothing = print(&table, false); /* printed once */
        assert_string_equal(nothing, "");
}

static void test_colours_keep_the_alignment(void **state)
{
        _cleanup_(table_done) Table table = { .n_columns = 2 };
        _cleanup_(freep) char *text = NULL;

        table_add(&table, STYLE_GOOD, "ok");
        table_add(&table, STYLE_PLAIN, "a");
        table_add(&table, STYLE_BAD, "failed");
        table_add(&table, STYLE_PLAIN, "b");
        table_add_fact(&table, "key", STYLE_GOOD, "%d", 3);
        text = print(&table, true);
        assert_string_equal(text, "\x1b[32mok\x1b[0m      a\n\x1b[1;31mfailed\x1b[0m  b\n"
                                  "\x1b[2mkey\x1b[0m     \x1b[32m3\x1b[0m\n");
}

static void test_cells_are_sanitised(void **state)
{
        _cleanup_(table_done) Table table = { .n_columns = 1 };
        _cleanup_(freep) char *text = NULL;

        table_add(&table, STYLE_PLAIN, "%s", "eth\x1b[31m\n\x7f");
        text = print(&table, true);
        assert_string_equal(text, "eth?[31m??\n");
}

static void test_messages_are_sanitised(void **state)
{
        _cleanup_(freep) char *text = NULL;
        FILE *stream;
        size_t size;

        stream = open_memstream(&text, &size);
        assert_non_null(stream);
        assert_ok(print_line(stream, "cannot read %s: %d", "a\x1b]0;b\nc", 1));
        assert_ok(fclose(stream));
        assert_string_equal(text, "cannot read a?]0;b?c: 1\n");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_bytes),
                cmocka_unit_test(test_spans),
                cmocka_unit_test(test_percentages),
                cmocka_unit_test(test_columns_are_aligned),
                cmocka_unit_test(test_colours_keep_the_alignment),
                cmocka_unit_test(test_cells_are_sanitised),
                cmocka_unit_test(test_messages_are_sanitised),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
