/* SPDX-License-Identifier: MIT */
/* Programs whose arguments let them do more than their name suggests. */

#include "ctl/manifest/programs.h"

#include "ctl/manifest/linter-tables.h"
#include "test.h"

static void test_functions(void **state)
{
        static const struct {
                const char *path;
                unsigned functions;
        } rows[] = {
                { "/usr/bin/bash", PROGRAM_SHELL },
                { "/bin/sh", PROGRAM_SHELL },
                { "/usr/bin/find", PROGRAM_SHELL },
                { "/usr/bin/tar", PROGRAM_SHELL },
                { "/usr/bin/journalctl", PROGRAM_SHELL },
                { "/usr/bin/env", PROGRAM_SHELL },
                { "/usr/bin/systemd-cat", PROGRAM_SHELL },
                { "/usr/bin/newgrp", PROGRAM_SHELL },
                { "/usr/sbin/gosu", PROGRAM_SHELL },
                { "/sbin/su-exec", PROGRAM_SHELL },
                { "/usr/bin/tini", PROGRAM_SHELL },
                { "/usr/bin/gdbus", PROGRAM_SHELL },
                { "/usr/bin/dbus-send", PROGRAM_SHELL },
                { "/usr/bin/busctl", PROGRAM_SHELL },
                { "/usr/bin/fio", PROGRAM_SHELL },
                { "/usr/bin/gh", PROGRAM_SHELL },
                { "/usr/bin/just", PROGRAM_SHELL },
                { "/usr/bin/rg", PROGRAM_SHELL },
                { "/usr/bin/fdfind", PROGRAM_SHELL },
                { "/usr/sbin/sendmail", PROGRAM_SHELL },
                { "/usr/bin/tee", PROGRAM_WRITE },
                { "/usr/bin/cp", PROGRAM_WRITE },
                { "/usr/bin/date", PROGRAM_READ },
                { "/usr/bin/cat", PROGRAM_READ },
                { "tail", PROGRAM_READ },
                { "7z", PROGRAM_SHELL }, /* the ends of the table, for its order */
                { "zypper", PROGRAM_SHELL },
                { "R", PROGRAM_SHELL },
                { "g++", PROGRAM_SHELL },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (!(program_functions(rows[i].path) & rows[i].functions))
                        fail_msg("%s", rows[i].path);
        assert_true(n_program_rows >= 1200);
}

static void test_variants(void **state)
{
        static const char *const shells[] = {
                "/usr/bin/python3.11",
                "/usr/bin/python3.11-dbg.real",
                "/usr/bin/gcc-12",
                "/usr/bin/x86_64-linux-gnu-gcc",
                "/usr/bin/x86_64-linux-gnu-gcc-12",
                "/usr/bin/aarch64-linux-gnu-g++-13",
                "/usr/bin/arm-linux-gnueabihf-gcc",
                "/usr/bin/perl5.36-x86_64-linux-gnu",
                "/usr/bin/perl5.36.0",
                "/lib64/ld-linux-x86-64.so.2",
                "/lib/ld-linux-aarch64.so.1",
                "/lib/ld-linux.so.2",
                "/lib/ld-musl-x86_64.so.1",
                "/usr/bin/vim.tiny",
                "/usr/bin/nc.openbsd",
                "/usr/bin/php8.2",
                "/usr/bin/lua5.4",
                "/usr/bin/ruby3.1",
                "/usr/bin/node-20",
                "/bin/bash-static",
        };

        for (size_t i = 0; i < ELEMENTSOF(shells); i++)
                if (program_functions(shells[i]) & PROGRAM_UNKNOWN)
                        fail_msg("%s", shells[i]);
}

static void test_harmless_and_unknown_programs(void **state)
{
        static const char *const harmless[] = { "/usr/bin/ls",   "/usr/bin/df",     "/usr/bin/ps",
                                                "/usr/bin/ping", "/usr/bin/uptime", "/usr/bin/free" };
        static const char *const unknown[] = {
                "/usr/local/bin/backup", "/usr/bin/", "", "12", "-", "--", "c++x", "time-machine"
        };

        for (size_t i = 0; i < ELEMENTSOF(harmless); i++)
                if (program_functions(harmless[i]) != 0)
                        fail_msg("%s", harmless[i]);
        for (size_t i = 0; i < ELEMENTSOF(unknown); i++)
                if (program_functions(unknown[i]) != PROGRAM_UNKNOWN)
                        fail_msg("%s", unknown[i]);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_functions),
                cmocka_unit_test(test_variants),
                cmocka_unit_test(test_harmless_and_unknown_programs),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
