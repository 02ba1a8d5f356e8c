/* SPDX-License-Identifier: MIT */
/* A file with several problems. */

#include <stdio.h>
#include <unistd.h>

#include "basic/fd.h"
#include "config/load.h"
#include "proto/error.h"
#include "test.h"

static int parse(const char *text, Config **ret_config, char **ret_problems)
{
        return config_parse("c.yaml", text, strlen(text), ret_config, ret_problems);
}

static void test_all_problems_in_one_run(void **state)
{
        static const char *const lines[] = {
                "c.yaml:2: http.host ",           "c.yaml:3: unknown key 'prot' in",
                "c.yaml:4: http.port must",       "c.yaml:6: auth.token must",
                "c.yaml:7: services: this item",  "c.yaml:7: services must be",
                "c.yaml:7: services: this item",  "c.yaml:8: api must hold",
                "c.yaml:10: ledger.trust_clock ",
        };
        _cleanup_(config_freep) Config *config = NULL;
        _cleanup_(freep) char *problems = NULL;
        char *rest;
        size_t n = 0;

        assert_err(parse("http:\n  host: example.org\n  prot: 80\n  port: 0\nauth:\n  token: s3cr3t\n"
                         "services: [a, 'b c', d, [e], 'f g']\napi: 7\nledger:\n  trust_clock: maybe\n",
                         &config, &problems),
                   DEVBOX_ERROR_CONFIG_INVALID);
        assert_null(config);
        assert_null(strstr(problems, "s3cr3t"));
        for (char *line = strtok_r(problems, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest), n++)
                if (n == ELEMENTSOF(lines) || !startswith(line, lines[n]))
                        fail_msg("line %zu: %s", n, line);
        assert_int_equal(n, ELEMENTSOF(lines));
}

/* What goes into one line of a log has the first. */
static void test_the_first_of_several(void **state)
{
        char path[] = "/tmp/devbox-config.XXXXXX";
        static const char text[] = "htp: 1\nath: 2\n";
        _cleanup_(config_freep) Config *config = NULL;
        _cleanup_(freep) char *problem = NULL, *problems = NULL;
        _cleanup_(fd_closep) int fd = mkstemp(path);

        assert_true(write(fd, text, sizeof text - 1) == sizeof text - 1);
        assert_err(config_load(path, &config, &problem), DEVBOX_ERROR_CONFIG_INVALID);
        assert_err(config_check(path, &config, &problems), DEVBOX_ERROR_CONFIG_INVALID);
        assert_ok(unlink(path));
        assert_null(strchr(problem, '\n'));
        assert_non_null(strstr(problem, ":1: unknown key 'htp'"));
        assert_non_null(strstr(problem, "(and more; see: devboxctl config check)"));
        assert_non_null(strstr(problems, ":2: unknown key 'ath'"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_all_problems_in_one_run),
                cmocka_unit_test(test_the_first_of_several),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
