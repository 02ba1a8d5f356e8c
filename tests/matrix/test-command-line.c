/* SPDX-License-Identifier: MIT */
/* Lines of chat as words: quotes only. */

#include "matrix/command-line.h"

#include "proto/error.h"

#include "test.h"

static void test_words(void **state)
{
        static const struct {
                const char *line;
                size_t n;
                const char *words[5];
        } rows[] = {
                { "", 0, { NULL } },
                { "  \t\n", 0, { NULL } },
                { "ls -la /home", 3, { "ls", "-la", "/home" } },
                { "  ls\t /home  ", 2, { "ls", "/home" } },
                { "echo 'a b' \"c d\"", 3, { "echo", "a b", "c d" } },
                { "echo a'b c'd\"e\"", 2, { "echo", "ab cde" } },
                { "echo '' x", 3, { "echo", "", "x" } },
                { "echo \"it's\" '\"'", 3, { "echo", "it's", "\"" } },
                /* No other character means anything. */
                { "rm -rf / ; $(id) `id` | cat > x", 10, { "rm", "-rf", "/", ";", "$(id)" } },
                { "a\\ b ~ *", 4, { "a\\", "b", "~", "*" } },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(command_line_done) CommandLine line = { 0 };
                const char *why = NULL;

                assert_err(command_line_parse(rows[i].line, &line, &why), 0);
                assert_int_equal(line.n, rows[i].n);
                for (size_t j = 0; j < MIN(line.n, ELEMENTSOF(rows[i].words)); j++)
                        assert_string_equal(line.words[j], rows[i].words[j]);
        }
}

static void test_what_is_no_line(void **state)
{
        char many[3 * ARGUMENTS_MAX + 1], *longest = malloc(ARGUMENTS_BYTES_MAX + 2);
        const char *const lines[] = { "echo 'a", "echo a\"b", "'", many, longest };

        assert_non_null(longest);
        for (size_t i = 0; i < sizeof many - 1; i++)
                many[i] = i % 2 == 0 ? 'x' : ' ';
        many[sizeof many - 1] = '\0';
        memset(longest, 'x', ARGUMENTS_BYTES_MAX + 1);
        longest[ARGUMENTS_BYTES_MAX + 1] = '\0';

        for (size_t i = 0; i < ELEMENTSOF(lines); i++) {
                _cleanup_(command_line_done) CommandLine line = { 0 };
                const char *why = NULL;

                assert_err(command_line_parse(lines[i], &line, &why), DEVBOX_ERROR_BAD_REQUEST);
                assert_non_null(why);
        }
        free(longest);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_words),
                cmocka_unit_test(test_what_is_no_line),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
