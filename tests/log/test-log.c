/* SPDX-License-Identifier: MIT */
/* Log lines: structured journal fields under systemd, plain lines on stderr elsewhere. */

#include "log/log.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "basic/fd.h"
#include "test.h"

/* What is written to stderr between these two. */
typedef struct Capture {
        int fd, old_fd;
        char text[8192];
} Capture;

static void capture_begin(Capture *capture)
{
        capture->fd = memfd_create("stderr", MFD_CLOEXEC);
        capture->old_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
        assert_true(capture->fd >= 0 && capture->old_fd >= 0);
        assert_int_equal(dup2(capture->fd, STDERR_FILENO), STDERR_FILENO);
}

static const char *capture_end(Capture *capture)
{
        assert_int_equal(dup2(capture->old_fd, STDERR_FILENO), STDERR_FILENO);
        capture->old_fd = fd_close(capture->old_fd);
        assert_ok(fd_pread_text(capture->fd, capture->text, sizeof capture->text));
        capture->fd = fd_close(capture->fd);
        return capture->text;
}

static int set_up(void **state)
{
        assert_int_equal(unsetenv("JOURNAL_STREAM"), 0);
        assert_int_equal(unsetenv("DEVBOX_LOG_LEVEL"), 0);
        log_set_max_level(LOG_INFO);
        log_open("devbox-test");
        return 0;
}

static void test_a_line_is_program_level_message(void **state)
{
        Capture capture;

        capture_begin(&capture);
        log_info("hello %d", 7);
        log_warning("careful");
        assert_string_equal(capture_end(&capture),
                            "devbox-test: info: hello 7\ndevbox-test: warning: careful\n");
}

static void test_an_error_is_told_and_passed_up(void **state)
{
        Capture capture;

        capture_begin(&capture);
        int passed = log_error_errno(-ENOENT, "Cannot open %s", "it");
        assert_string_equal(capture_end(&capture),
                            "devbox-test: err: Cannot open it: No such file or directory\n");
        assert_int_equal(passed, -ENOENT);

        assert_int_equal(log_debug_errno(-EIO, "below the level, and passed up all the same"), -EIO);
}

static void test_below_the_level_nothing_is_evaluated(void **state)
{
        int n_evaluated = 0;
        Capture capture;

        capture_begin(&capture);
        log_debug("%d", ++n_evaluated);
        assert_string_equal(capture_end(&capture), "");
        assert_int_equal(n_evaluated, 0);

        log_set_max_level(LOG_DEBUG);
        assert_int_equal(log_max_level(), LOG_DEBUG);
        capture_begin(&capture);
        log_debug("%d", ++n_evaluated);
        assert_string_equal(capture_end(&capture), "devbox-test: debug: 1\n");
}

static void test_the_environment_sets_the_level(void **state)
{
        static const struct {
                const char *text;
                int level;
        } rows[] = {
                { "debug", LOG_DEBUG },     { "info", LOG_INFO }, { "notice", LOG_NOTICE },
                { "warning", LOG_WARNING }, { "err", LOG_ERR },   { "7", LOG_DEBUG },
                { "0", LOG_EMERG },         { "3", LOG_ERR },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                assert_int_equal(setenv("DEVBOX_LOG_LEVEL", rows[i].text, true), 0);
                log_open("devbox-test");
                assert_int_equal(log_max_level(), rows[i].level);
        }
}

static void test_a_level_that_is_none_is_ignored(void **state)
{
        static const char *const rows[] = { "", "loud", "8", "-1", "77", "Debug" };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                Capture capture;

                assert_int_equal(setenv("DEVBOX_LOG_LEVEL", rows[i], true), 0);
                capture_begin(&capture);
                log_open("devbox-test");
                assert_non_null(strstr(capture_end(&capture), "DEVBOX_LOG_LEVEL is not a level"));
                assert_int_equal(log_max_level(), LOG_INFO);
        }
}

static void test_a_long_line_is_cut(void **state)
{
        char huge[5000];
        Capture capture;

        memset(huge, 'x', sizeof huge - 1);
        huge[sizeof huge - 1] = '\0';

        capture_begin(&capture);
        (void) log_error_errno(-EIO, "%s", huge);
        const char *text = capture_end(&capture);
        assert_in_range(strlen(text), 2000, 2100);
        assert_int_equal(text[strlen(text) - 1], '\n');
}

/* Under systemd stderr is the journal: lines go there as fields, and not to stderr. */
static void test_the_journal_is_recognised_by_its_stream(void **state)
{
        char huge[5000], stream[64];
        struct stat st;
        Capture capture;

        memset(huge, 'x', sizeof huge - 1);
        huge[sizeof huge - 1] = '\0';

        capture_begin(&capture);
        assert_int_equal(fstat(STDERR_FILENO, &st), 0);
        (void) snprintf(stream, sizeof stream, "%llu:%llu", (unsigned long long) st.st_dev,
                        (unsigned long long) st.st_ino);
        assert_int_equal(setenv("JOURNAL_STREAM", stream, true), 0);
        log_open("devbox-test");

        /* More fields than one line holds, one of them without a value, and one that is cut. */
        (void) log_full(LOG_DEBUG - 1, -EIO,
                        LOG_FIELDS({ "MESSAGE_ID", MESSAGE_CONFIG_INVALID }, { "DEVBOX_UNIT", NULL },
                                   { "DEVBOX_OUTCOME", huge }, { "A", "1" }, { "B", "2" }, { "C", "3" },
                                   { "D", "4" }, { "E", "5" }, { "F", "6" }, { "G", "7" }, { "H", "8" },
                                   { "I", "9" }, { "J", "10" }, { "K", "11" }, { "L", "12" }, { "M", "13" }),
                        "A line of the unit tests of devbox, to be ignored");
        assert_string_equal(capture_end(&capture), "");

        capture_begin(&capture); /* another stderr: what the variable says is no longer true */
        log_open("devbox-test");
        log_info("plain");
        assert_string_equal(capture_end(&capture), "devbox-test: info: plain\n");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(test_a_line_is_program_level_message, set_up),
                cmocka_unit_test_setup(test_an_error_is_told_and_passed_up, set_up),
                cmocka_unit_test_setup(test_below_the_level_nothing_is_evaluated, set_up),
                cmocka_unit_test_setup(test_the_environment_sets_the_level, set_up),
                cmocka_unit_test_setup(test_a_level_that_is_none_is_ignored, set_up),
                cmocka_unit_test_setup(test_a_long_line_is_cut, set_up),
                cmocka_unit_test_setup(test_the_journal_is_recognised_by_its_stream, set_up),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
