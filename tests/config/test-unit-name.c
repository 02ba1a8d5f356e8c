/* SPDX-License-Identifier: MIT */
/* Names of systemd units as people write them. */

#include "config/unit-name.h"

#include "test.h"

static void test_names_become_units(void **state)
{
        static const struct {
                const char *name, *unit;
        } rows[] = {
                { "docker", "docker.service" },
                { "docker.service", "docker.service" },
                { "ssh.socket", "ssh.socket" },
                { "apt-daily.timer", "apt-daily.timer" },
                { "dev-sda1.device", "dev-sda1.device" },
                { "home.mount", "home.mount" },
                { "home.automount", "home.automount" },
                { "dev-dm\\x2d1.swap", "dev-dm\\x2d1.swap" },
                { "cups.path", "cups.path" },
                { "user.slice", "user.slice" },
                { "init.scope", "init.scope" },
                { "multi-user.target", "multi-user.target" },
                { "getty@tty1", "getty@tty1.service" },
                { "getty@tty1.service", "getty@tty1.service" },
                { "user@1000.service", "user@1000.service" },
                { "a@b@c", "a@b@c.service" },
                { "org.cups.cupsd", "org.cups.cupsd.service" }, /* not a type of unit */
                { "docker.Service", "docker.Service.service" },
                { "a.snapshot", "a.snapshot.service" },
                { "x:y_z.1", "x:y_z.1.service" },
                { "a", "a.service" },
                { "8080", "8080.service" },
                { "-.mount", "-.mount" },
                { "..", "...service" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(freep) char *unit = NULL;

                assert_err(unit_name_mangle(rows[i].name, &unit), 0);
                assert_string_equal(unit, rows[i].unit);
        }
}

static void test_other_names_are_refused(void **state)
{
        static const struct {
                const char *name;
                UnitNameFlaw flaw;
        } rows[] = {
                { "", UNIT_NAME_EMPTY },
                { "/home", UNIT_NAME_PATH },
                { "../etc/passwd", UNIT_NAME_PATH },
                { "-Mfoo", UNIT_NAME_OPTION },
                { "-H host", UNIT_NAME_OPTION },
                { "--", UNIT_NAME_OPTION },
                { "-", UNIT_NAME_OPTION },
                { "s*", UNIT_NAME_GLOB },
                { "ss?.service", UNIT_NAME_GLOB },
                { "[ab].service", UNIT_NAME_GLOB },
                { "two words", UNIT_NAME_CHARACTER },
                { "a\nb", UNIT_NAME_CHARACTER },
                { "caf\xc3\xa9", UNIT_NAME_CHARACTER },
                { "a;b", UNIT_NAME_CHARACTER },
                { "$(id)", UNIT_NAME_CHARACTER },
                { ".service", UNIT_NAME_NO_PREFIX },
                { "@.service", UNIT_NAME_NO_PREFIX },
                { "@tty1.service", UNIT_NAME_NO_PREFIX },
                { "@", UNIT_NAME_NO_PREFIX },
                { "getty@.service", UNIT_NAME_TEMPLATE },
                { "getty@", UNIT_NAME_TEMPLATE },
                { "getty@.socket", UNIT_NAME_TEMPLATE },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(freep) char *unit = NULL;

                assert_err(unit_name_mangle(rows[i].name, &unit), rows[i].flaw);
                assert_null(unit);
        }
}

static void test_the_longest_name(void **state)
{
        _cleanup_(freep) char *unit = NULL, *none = NULL;
        char name[256];

        memset(name, 'a', sizeof name);
        name[247] = '\0'; /* and ".service" makes 255 */
        assert_err(unit_name_mangle(name, &unit), 0);
        assert_int_equal(strlen(unit), 255);

        name[247] = 'a';
        name[248] = '\0';
        assert_err(unit_name_mangle(name, &none), UNIT_NAME_TOO_LONG);
}

static void test_every_flaw_has_a_sentence(void **state)
{
        for (int flaw = 1; flaw < _UNIT_NAME_FLAW_MAX; flaw++)
                assert_non_null(unit_name_flaw_sentence((UnitNameFlaw) flaw));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_names_become_units),
                cmocka_unit_test(test_other_names_are_refused),
                cmocka_unit_test(test_the_longest_name),
                cmocka_unit_test(test_every_flaw_has_a_sentence),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
