/* SPDX-License-Identifier: MIT */
/* What a daemon runs on while its file changes, and what it logs. */

#include "config/holder.h"

#include <stdio.h>
#include <unistd.h>

#include "basic/fd.h"
#include "basic/file.h"
#include "log/log.h"
#include "proto/error.h"

#include "test.h"

static char path[] = "/tmp/devbox-holder-XXXXXX";

static int set_up(void **state)
{
        return fd_close(mkstemp(path)) == -EBADF ? setenv("DEVBOX_CONFIG", path, true) : -1;
}

static int tear_down(void **state)
{
        return unlink(path);
}

/* Reads the file with this content, as a reload does, and returns how many lines that logged. */
static int reload(ConfigHolder *holder, const char *content, int expected)
{
        _cleanup_(config_freep) Config *config = NULL;
        char log[] = "/tmp/devbox-holder-log-XXXXXX", text[4096];
        int n = 0, saved = dup(STDERR_FILENO), fd = mkstemp(log);

        assert_ok(file_write(path, FILE_REPLACE, 0600, bytes_of_string(content)));
        assert_true(saved >= 0 && fd >= 0 && dup2(fd, STDERR_FILENO) >= 0);
        assert_int_equal(config_holder_read(holder, &config), expected);
        assert_true(dup2(saved, STDERR_FILENO) >= 0);
        if (config)
                config_free(config_holder_replace_take(holder, TAKE_PTR(config)));

        assert_true(fd_pread_text(fd, text, sizeof text) >= 0);
        for (const char *at = text; (at = strchr(at, '\n')); at++)
                n++;
        (void) close(fd);
        (void) close(saved);
        (void) unlink(log);
        return n;
}

#define BAD     "http:\n  prot: 1\n"
#define INVALID DEVBOX_ERROR_CONFIG_INVALID

static void test_the_last_valid_one_is_kept(void **state)
{
        ConfigHolder holder = { .consequence = "nothing works" };

        (void) reload(&holder, BAD, INVALID);
        assert_null(holder.config);
        assert_non_null(strstr(holder.problem, "unknown key 'prot'"));

        (void) reload(&holder, "http:\n  port: 81\n", 0);
        assert_int_equal(holder.config->http_port, 81);
        assert_null(holder.problem);

        (void) reload(&holder, BAD, INVALID);
        assert_int_equal(holder.config->http_port, 81);
        assert_non_null(holder.problem);
        config_holder_done(&holder);
}

static void test_each_problem_is_logged_once(void **state)
{
        ConfigHolder holder = { .consequence = "nothing works" };

        assert_int_equal(reload(&holder, BAD, INVALID), 1);
        assert_int_equal(reload(&holder, BAD, INVALID), 0);
        assert_int_equal(reload(&holder, "http:\n  hots: 1\n", INVALID), 1); /* another one */
        assert_int_equal(reload(&holder, "http:\n  port: 81\n", 0), 0);
        assert_int_equal(reload(&holder, "http:\n  hots: 1\n", INVALID), 1); /* it returned */
        config_holder_repeat(&holder);
        assert_int_equal(reload(&holder, "http:\n  hots: 1\n", INVALID),
                         1); /* a reload that was asked for */
        config_holder_done(&holder);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_the_last_valid_one_is_kept),
                cmocka_unit_test(test_each_problem_is_logged_once),
        };

        return cmocka_run_group_tests(tests, set_up, tear_down);
}
