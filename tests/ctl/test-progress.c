/* SPDX-License-Identifier: MIT */
/* Questions, with a person at a terminal. */

#include "ctl/progress.h"

#include <poll.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

/* At the terminal: asks once a line has been typed ahead, and exits with the answer. */
static void ask(void)
{
        const Progress progress = { .ctl = NULL };
        struct pollfd typed = { .fd = STDIN_FILENO, .events = POLLIN };

        if (poll(&typed, 1, -1) != 1)
                _exit(EXIT_FAILURE + 10);
        int answer = progress_ask(&progress, "is it so?");
        _exit(poll(&typed, 1, 0) == 0 ? answer : EXIT_FAILURE + 11);
}

static void wait_for_question(int terminal)
{
        char screen[256] = "";
        size_t n = 0;

        while (!strstr(screen, "is it so? [y/N] ")) {
                ssize_t got = read(terminal, screen + n, sizeof screen - 1 - n);

                assert_true(got > 0);
                n += (size_t) got;
                screen[n] = '\0';
        }
}

static void test_only_an_answer_is_one(void **state)
{
        static const struct {
                const char *before, *after;
                int answer;
        } rows[] = {
                { "y\n", "n\n", 0 },
                { "n\n", "y\n", 1 },
                { "y\n", "\n", 0 },
                { "\n", "Yes\n", 1 },
                { "y\n", "correct horse battery staple\n", 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                int terminal, status;
                pid_t pid = forkpty(&terminal, NULL, NULL, NULL);

                assert_ok(pid);
                if (pid == 0)
                        ask();
                assert_int_equal(write(terminal, rows[i].before, strlen(rows[i].before)),
                                 strlen(rows[i].before));
                wait_for_question(terminal);
                assert_int_equal(write(terminal, rows[i].after, strlen(rows[i].after)),
                                 strlen(rows[i].after));
                assert_int_equal(waitpid(pid, &status, 0), pid);
                assert_true(WIFEXITED(status));
                assert_int_equal(WEXITSTATUS(status), rows[i].answer);
                assert_ok(close(terminal));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_only_an_answer_is_one),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
