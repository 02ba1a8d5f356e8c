/* SPDX-License-Identifier: MIT */
/* Places and units that the linter knows. */

#include "ctl/manifest/patterns.h"

#include "test.h"

static void test_places(void **state)
{
        static const struct {
                PatternUse use;
                const char *path;
                bool matches, below;
        } rows[] = {
                { PATTERN_PROGRAM, "/home/ana/tool", true, false },
                { PATTERN_PROGRAM, "/usr/bin/ls", false, false },
                { PATTERN_PROGRAM, "/homes/tool", false, false },
                { PATTERN_WRITE, "/", false, true },
                { PATTERN_WRITE, "/var", false, true },
                { PATTERN_WRITE, "/var/spool", false, true },
                { PATTERN_WRITE, "/var/spool/cron/crontabs", true, false },
                { PATTERN_WRITE, "/var/lib/dpkg/info", true, false },
                { PATTERN_WRITE, "/etc/dpkg/dpkg.cfg.d", true, false },
                { PATTERN_WRITE, "/usr/lib64/x", true, false },
                { PATTERN_WRITE, "/lib32", true, false },
                { PATTERN_WRITE, "/opt/tool", true, false },
                { PATTERN_WRITE, "/var/lib/devbox/ledger", true, false },
                { PATTERN_WRITE, "/var/lib/mysql", false, false },
                { PATTERN_WRITE, "/srv/www", false, false },
                { PATTERN_HOME, "/home", false, true },
                { PATTERN_HOME, "/home/ana", false, true },
                { PATTERN_HOME, "/home/ana/.ssh", true, false },
                { PATTERN_HOME, "/home/ana/.config/autostart", true, false },
                { PATTERN_HOME, "/home/ana/inbox", false, false },
                { PATTERN_HOME, "/home/ana/inbox/.hidden", false, false },
                { PATTERN_READ, "/", false, true },
                { PATTERN_READ, "/etc", true, false },
                { PATTERN_READ, "/root/x", true, false },
                { PATTERN_READ, "/proc/1", true, false },
                { PATTERN_READ, "/var/log", false, false },
                { PATTERN_READ, "/home/ana", false, false },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (pattern_matches_path(rows[i].use, rows[i].path) != rows[i].matches ||
                    pattern_is_below(rows[i].use, rows[i].path) != rows[i].below)
                        fail_msg("%s", rows[i].path);
}

static void test_units(void **state)
{
        static const char *const special[] = { "multi-user.target", "devbox-ledger.service",
                                               "dbus.service",      "systemd-logind.service",
                                               "user@1000.service", "home.mount" };
        static const char *const plain[] = { "nginx.service", "backup@web.service", "mydevbox.service" };

        for (size_t i = 0; i < ELEMENTSOF(special); i++)
                if (!pattern_matches_unit(special[i]))
                        fail_msg("%s", special[i]);
        for (size_t i = 0; i < ELEMENTSOF(plain); i++)
                if (pattern_matches_unit(plain[i]))
                        fail_msg("%s", plain[i]);
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_places), cmocka_unit_test(test_units) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
