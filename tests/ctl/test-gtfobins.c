/* SPDX-License-Identifier: MIT */
/* Programs that give away more than their name says. */

#include "ctl/manifest/gtfobins.h"

#include "test.h"

static void test_programs(void **state)
{
        static const struct {
                const char *path;
                unsigned functions;
        } rows[] = {
                { "/usr/bin/bash", GTFO_SHELL },
                { "/bin/sh", GTFO_SHELL },
                { "/usr/bin/find", GTFO_SHELL },
                { "/usr/bin/python3.11", GTFO_SHELL },
                { "/usr/bin/gcc-12", GTFO_SHELL },
                { "/usr/bin/tar", GTFO_SHELL },
                { "/usr/bin/journalctl", GTFO_SHELL },
                { "/usr/bin/env", GTFO_SHELL },
                { "/usr/bin/tee", GTFO_WRITE },
                { "/usr/bin/cp", GTFO_WRITE },
                { "/usr/bin/date", GTFO_READ },
                { "/usr/bin/cat", GTFO_READ },
                { "tail", GTFO_READ },
        };
        static const char *const harmless[] = { "/usr/bin/ls",
                                                "/usr/bin/df",
                                                "/usr/bin/ps",
                                                "/usr/bin/ping",
                                                "/usr/bin/uptime",
                                                "/usr/bin/free",
                                                "/usr/bin/",
                                                "",
                                                "12",
                                                "-" };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (!(gtfobins_functions(rows[i].path) & rows[i].functions))
                        fail_msg("%s", rows[i].path);
        for (size_t i = 0; i < ELEMENTSOF(harmless); i++)
                if (gtfobins_functions(harmless[i]) != 0)
                        fail_msg("%s", harmless[i]);
        assert_true(gtfobins_count() >= 478);
}

/* bsearch() finds nothing in a table that is out of order: every name that GTFOBins begins and ends with. */
static void test_order(void **state)
{
        assert_true(gtfobins_functions("7z") & GTFO_SHELL);
        assert_true(gtfobins_functions("zypper") & GTFO_SHELL);
        assert_true(gtfobins_functions("R") & GTFO_SHELL);
        assert_true(gtfobins_functions("c++") == 0);
        assert_true(gtfobins_functions("g++") & GTFO_SHELL);
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_programs), cmocka_unit_test(test_order) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
