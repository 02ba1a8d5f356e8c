/* SPDX-License-Identifier: MIT */
/* The argument language: what matches, and the ways in which other languages of this sort were fooled. */

#include "trust/constraint.h"

#include <stdio.h>

#include "proto/error.h"

#include "test.h"

/* A struct around a list of items, as a capability has one. */
typedef struct Pattern {
        ArgumentConstraints items;
} Pattern;

static const SchemaField pattern_fields[] = {
        { "argv", SCHEMA_OBJECTS, true, offsetof(Pattern, items), 0, ARGUMENTS_MAX,
          .nested = &constraint_schema },
};
static const Schema pattern_schema = { .size = sizeof(Pattern),
                                       .max_bytes = 65536,
                                       SCHEMA_TABLE(pattern_fields) };

DEFINE_DOCUMENT(Pattern, pattern);

static PathRoot root_rows[] = {
        { (char *) "logs", (char *) "/var/log" },
        { (char *) "all", (char *) "/" },
};
static const PathRoots roots = { root_rows, ELEMENTSOF(root_rows) };

static int try(const char *json, const char *const *arguments)
{
        _cleanup_(pattern_freep) Pattern *pattern = NULL;
        char text[4096];
        size_t n = 0;

        (void) snprintf(text, sizeof text, "{\"argv\":[%s]}", json);
        if (pattern_parse(bytes_of_string(text), &pattern, NULL) != 0)
                return DEVBOX_ERROR_BAD_SCHEMA;

        while (arguments[n])
                n++;
        return constraints_match(&pattern->items, &roots, (char *const *) arguments, n, NULL);
}

#define WORD "{\"word\":{\"class\":\"A-Za-z0-9_.-\",\"max\":8}}"
#define LOG  "{\"path\":{\"root\":\"logs\",\"kind\":\"file\",\"must\":\"exist\"}}"

typedef struct Row {
        const char *pattern;
        const char *arguments[8];
        bool expected;
} Row;

static const Row rows[] = {
        { "", { NULL }, true },
        { "", { "x" }, false },
        { "{\"lit\":\"-h\"}", { "-h" }, true },
        { "{\"lit\":\"-h\"}", { NULL }, false },
        { "{\"lit\":\"-h\"}", { "-H" }, false },
        { "{\"lit\":\"-h\"}", { "-h", "-h" }, false },
        { "{\"enum\":[\"-l\",\"-la\"]}", { "-la" }, true },
        { "{\"enum\":[\"-l\",\"-la\"]}", { "-l -la" }, false },

        { "{\"int\":[1,100]}", { "1" }, true },
        { "{\"int\":[1,100]}", { "100" }, true },
        { "{\"int\":[1,100]}", { "0" }, false },
        { "{\"int\":[1,100]}", { "101" }, false },
        { "{\"int\":[0,100]}", { "0" }, true },
        { "{\"int\":[0,100]}", { "-0" }, false },
        { "{\"int\":[0,100]}", { "+1" }, false },
        { "{\"int\":[0,100]}", { "01" }, false },
        { "{\"int\":[0,100]}", { "0x1" }, false },
        { "{\"int\":[0,100]}", { "1 " }, false },
        { "{\"int\":[0,100]}", { "" }, false },
        { "{\"int\":[0,9007199254740991]}", { "18446744073709551617" }, false },
        { "{\"int\":[0,100]}", { "\xd9\xa3" }, false }, /* an Arabic three */

        { WORD, { "nginx" }, true },
        { WORD, { "a.b-c_9" }, true },
        { WORD, { "12345678" }, true },
        { WORD, { "123456789" }, false },
        { WORD, { "-rf" }, false },
        { WORD, { "--" }, false },
        { WORD, { "" }, false },
        { WORD, { "." }, false },
        { WORD, { ".." }, false },
        { WORD, { "a/b" }, false },
        { WORD, { "a b" }, false },
        { WORD, { "a\nb" }, false },
        { WORD, { "$(id)" }, false },
        { WORD, { "caf\xc3\xa9" }, false },

        { LOG, { "/var/log" }, true },
        { LOG, { "/var/log/syslog" }, true },
        { LOG, { "/var/log/../../etc/shadow" }, false },
        { LOG, { "/var/log/./syslog" }, false },
        { LOG, { "/var/log//syslog" }, false },
        { LOG, { "/var/log/" }, false },
        { LOG, { "/var/logs" }, false },
        { LOG, { "/etc/shadow" }, false },
        { LOG, { "syslog" }, false },
        { LOG, { "~/x" }, false },
        { "{\"path\":{\"root\":\"all\"}}", { "/etc/shadow" }, true },

        /* sudoers: `cat /var/log/messages*` also allows `cat /var/log/messages /etc/shadow`. */
        { LOG, { "/var/log/messages", "/etc/shadow" }, false },
        { LOG, { "/var/log/messages /etc/shadow" }, true }, /* one path, however odd, below the root */
        { "{\"many\":{\"of\":" LOG ",\"max\":3}}", { "/var/log/messages", "/etc/shadow" }, false },
        { "{\"many\":{\"of\":" LOG ",\"max\":3}}", { "/var/log/a", "/var/log/b", "/var/log/c" }, true },
        { "{\"many\":{\"of\":" LOG ",\"max\":3}}",
          { "/var/log/a", "/var/log/b", "/var/log/c", "/var/log/d" },
          false },
        { "{\"many\":{\"of\":" LOG ",\"max\":3}}", { NULL }, true },
        { "{\"many\":{\"of\":" LOG ",\"min\":1,\"max\":3}}", { NULL }, false },

        { "{\"opt\":{\"lit\":\"-l\"}},{\"lit\":\"--\"}," WORD, { "-l", "--", "x" }, true },
        { "{\"opt\":{\"lit\":\"-l\"}},{\"lit\":\"--\"}," WORD, { "--", "x" }, true },
        { "{\"opt\":{\"lit\":\"-l\"}},{\"lit\":\"--\"}," WORD, { "-l", "x" }, false },
        { "{\"opt\":{\"lit\":\"-l\"}},{\"lit\":\"--\"}," WORD, { "-l", "-l", "--", "x" }, false },
        { "{\"opt\":{\"lit\":\"-l\"}},{\"lit\":\"--\"}," WORD, { "--", "-l" }, false },

        /* `many` and what follows may overlap: every split is tried. */
        { "{\"many\":{\"of\":" WORD ",\"max\":8}},{\"lit\":\"end\"}", { "a", "end", "end" }, true },
        { "{\"many\":{\"of\":" WORD ",\"max\":8}},{\"lit\":\"end\"}", { "end" }, true },
        { "{\"many\":{\"of\":" WORD ",\"max\":8}},{\"lit\":\"end\"}", { "a" }, false },
        { "{\"opt\":" WORD "},{\"opt\":" WORD "},{\"lit\":\"c\"}", { "b", "c" }, true },
};

static void test_arguments_are_matched_separately(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                int got = try(rows[i].pattern, rows[i].arguments);

                if (got != (rows[i].expected ? 0 : DEVBOX_ERROR_ARGS_DENIED))
                        fail_msg("row %zu, %s: got %d", i, rows[i].pattern, got);
        }
}

static void test_invalid_patterns(void **state)
{
        static const char *const patterns[] = {
                "{}",
                "{\"lit\":\"\"}",
                "{\"lit\":\"a\",\"enum\":[\"b\"]}",
                "{\"any\":true}",
                "{\"regex\":\".*\"}",
                "{\"enum\":[]}",
                "{\"enum\":[\"\"]}",
                "{\"int\":[5,1]}",
                "{\"int\":[-1,1]}", /* a value that begins with a hyphen */
                "{\"int\":[1]}",
                "{\"int\":[1,2,3]}",
                "{\"word\":{\"class\":\"\",\"max\":8}}",
                "{\"word\":{\"class\":\"a-z /\",\"max\":8}}",
                "{\"word\":{\"class\":\"a-z/\",\"max\":8}}",
                "{\"word\":{\"class\":\"z-a\",\"max\":8}}",
                "{\"word\":{\"class\":\"A-z\",\"max\":8}}",
                "{\"word\":{\"class\":\"_-a\",\"max\":8}}",
                "{\"word\":{\"class\":\"$\",\"max\":8}}",
                "{\"word\":{\"class\":\"a-z\"}}",
                "{\"word\":{\"class\":\"a-z\",\"max\":0}}",
                "{\"path\":{\"root\":\"/etc\"}}",
                "{\"path\":{\"root\":\"logs\",\"kind\":\"socket\"}}",
                "{\"opt\":{\"opt\":{\"lit\":\"a\"}}}",
                "{\"opt\":{\"many\":{\"of\":{\"lit\":\"a\"},\"max\":2}}}",
                "{\"many\":{\"of\":{\"many\":{\"of\":{\"lit\":\"a\"},\"max\":2}},\"max\":2}}",
                "{\"many\":{\"of\":{\"lit\":\"a\"},\"min\":3,\"max\":2}}",
                "{\"many\":{\"of\":{\"lit\":\"a\"},\"max\":65}}",
                "{\"many\":{\"of\":{\"lit\":\"a\"}}}",
                "{\"Opt\":{\"lit\":\"a\"}}",
                "{\"insert\":\"\"}",
                "{\"insert\":[\"--\"]}",
                "{\"insert\":\"--\",\"lit\":\"--\"}",
                "{\"opt\":{\"insert\":\"--\"}}",
                "{\"many\":{\"of\":{\"insert\":\"--\"},\"max\":2}}",
        };
        const char *nothing[] = { NULL };

        for (size_t i = 0; i < ELEMENTSOF(patterns); i++)
                if (try(patterns[i], nothing) != DEVBOX_ERROR_BAD_SCHEMA)
                        fail_msg("was accepted: %s", patterns[i]);
}

#define INSERT "{\"insert\":\"--\"}"

/* What is executed, joined by blanks; "" if it is rejected. */
static void execute(const char *json, const char *const *arguments, char *ret_line, size_t size)
{
        _cleanup_(pattern_freep) Pattern *pattern = NULL;
        ExecutedArguments executed = { .n = 0 };
        char text[4096];
        size_t n = 0;

        *ret_line = '\0';
        (void) snprintf(text, sizeof text, "{\"argv\":[%s]}", json);
        assert_err(pattern_parse(bytes_of_string(text), &pattern, NULL), 0);
        while (arguments[n])
                n++;
        if (constraints_match(&pattern->items, &roots, (char *const *) arguments, n, &executed) != 0)
                return;

        assert_null(executed.items[executed.n]);
        for (size_t i = 0; i < executed.n; i++) {
                size_t length = strlen(ret_line);

                (void) snprintf(ret_line + length, size - length, "%s%s", i > 0 ? " " : "",
                                executed.items[i]);
        }
}

static void test_inserted_arguments(void **state)
{
        static const struct {
                const char *pattern;
                const char *arguments[8];
                const char *executed;
        } inserted[] = {
                { "{\"opt\":{\"enum\":[\"-l\",\"-la\"]}}," INSERT "," LOG, { "/var/log" }, "-- /var/log" },
                { "{\"opt\":{\"enum\":[\"-l\",\"-la\"]}}," INSERT "," LOG,
                  { "-la", "/var/log" },
                  "-la -- /var/log" },
                { INSERT "," LOG, { "--", "/var/log" }, "" },
                { INSERT "," LOG, { "--" }, "" },
                { INSERT "," LOG, { NULL }, "" },
                { "{\"lit\":\"a\"}," INSERT, { "a" }, "a --" },
                { INSERT "," INSERT ",{\"lit\":\"a\"}", { "a" }, "-- -- a" },

                /* Of several matches, the one in which earlier constraints match most. */
                { "{\"opt\":" WORD "}," INSERT ",{\"opt\":" WORD "}", { "x" }, "x --" },
                { "{\"opt\":" WORD "}," INSERT "," WORD, { "x" }, "-- x" },
                { "{\"many\":{\"of\":" WORD ",\"max\":8}}," INSERT "," WORD, { "a", "b", "c" }, "a b -- c" },
        };

        for (size_t i = 0; i < ELEMENTSOF(inserted); i++) {
                char line[256];

                execute(inserted[i].pattern, inserted[i].arguments, line, sizeof line);
                if (!streq(line, inserted[i].executed))
                        fail_msg("row %zu: %s", i, line);
        }
}

/* The most that can be executed: every constraint that may be, and every argument. */
static void test_longest_match_is_executed(void **state)
{
        ArgumentConstraint many[ARGUMENTS_MAX] = { [0] = { .kind = CONSTRAINT_WORD,
                                                           .repeat = CONSTRAINT_MANY,
                                                           .many_max = ARGUMENTS_MAX,
                                                           .word_class = (char *) "a-z",
                                                           .word_max = 8 } };
        char *arguments[ARGUMENTS_MAX];
        ExecutedArguments executed = { .items = { "program" }, .n = 1 };

        for (size_t i = 1; i < ELEMENTSOF(many); i++)
                many[i] = (ArgumentConstraint){ .kind = CONSTRAINT_INSERT, .literal = (char *) "--" };
        for (size_t i = 0; i < ELEMENTSOF(arguments); i++)
                arguments[i] = (char *) "a";
        assert_err(constraints_match(&(ArgumentConstraints){ many, ELEMENTSOF(many) }, &roots, arguments,
                                     ELEMENTSOF(arguments), &executed),
                   0);
        assert_int_equal(executed.n, 1 + ARGUMENTS_MAX + ARGUMENTS_MAX - 1);
        assert_null(executed.items[executed.n]);
}

static void test_linter_properties(void **state)
{
        static const struct {
                const char *pattern;
                bool pinned, known;
        } properties[] = {
                { "", true, true },
                { "{\"lit\":\"-h\"},{\"enum\":[\"a\"]}", true, true },
                { "{\"lit\":\"-h\"},{\"insert\":\"--\"}", true, true },
                { "{\"lit\":\"--\"}," WORD, false, true },
                { "{\"opt\":{\"lit\":\"-h\"}}", true, true },
                { "{\"many\":{\"of\":{\"lit\":\"-h\"},\"max\":2}}", false, true },
                { "{\"path\":{\"root\":\"homes\"}}", false, false },
        };

        for (size_t i = 0; i < ELEMENTSOF(properties); i++) {
                _cleanup_(pattern_freep) Pattern *pattern = NULL;
                char text[512];

                (void) snprintf(text, sizeof text, "{\"argv\":[%s]}", properties[i].pattern);
                assert_int_equal(pattern_parse(bytes_of_string(text), &pattern, NULL), 0);
                assert_int_equal(constraints_are_pinned(&pattern->items), properties[i].pinned);
                assert_int_equal(constraints_roots_known(&pattern->items, &roots), properties[i].known);
        }
}

static void test_limits_before_matching(void **state)
{
        static char big[ARGUMENT_BYTES_MAX + 2];
        char *many[ARGUMENTS_MAX + 1];
        ArgumentConstraint any = { .kind = CONSTRAINT_WORD,
                                   .repeat = CONSTRAINT_MANY,
                                   .many_max = ARGUMENTS_MAX,
                                   .word_class = (char *) "a-z",
                                   .word_max = 4096 };
        ArgumentConstraints items = { &any, 1 };

        memset(big, 'a', sizeof big - 2);
        for (size_t i = 0; i < ELEMENTSOF(many); i++)
                many[i] = (char *) "a";
        assert_err(constraints_match(&items, &roots, many, ARGUMENTS_MAX, NULL), 0);
        assert_err(constraints_match(&items, &roots, many, ARGUMENTS_MAX + 1, NULL),
                   DEVBOX_ERROR_ARGS_DENIED);

        for (size_t i = 0; i < 9; i++)
                many[i] = big;
        assert_err(constraints_match(&items, &roots, many, 8, NULL), 0); /* 32 KiB */
        assert_err(constraints_match(&items, &roots, many, 9, NULL), DEVBOX_ERROR_ARGS_DENIED);
        big[sizeof big - 2] = 'a';
        assert_err(constraints_match(&items, &roots, many, 1, NULL), DEVBOX_ERROR_ARGS_DENIED);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_arguments_are_matched_separately),
                cmocka_unit_test(test_invalid_patterns),
                cmocka_unit_test(test_inserted_arguments),
                cmocka_unit_test(test_longest_match_is_executed),
                cmocka_unit_test(test_linter_properties),
                cmocka_unit_test(test_limits_before_matching),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
