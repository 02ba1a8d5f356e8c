/* SPDX-License-Identifier: MIT */
/* Entries of a manifest: their hours, their names, and which of several counts. (Matching: test-accept.c.)
 */

#include "trust/capability.h"

#include "proto/error.h"

#include "world.h"

static void test_hours(void **state)
{
        /* 2025-10-09 is a Thursday; 1760000010 is its 08:53:30 in UTC. */
        static const struct {
                const char *days, *utc;
                int64_t after_min;
                bool open;
        } rows[] = {
                { NULL, NULL, 0, true },           { "4", NULL, 0, true },
                { "1-3", NULL, 0, false },         { "5-7", NULL, 24 * 60, true },
                { "7", NULL, 3 * 24 * 60, true },  { "1", NULL, 4 * 24 * 60, true },
                { NULL, "08:53-08:54", 0, true },  { NULL, "08:54-09:00", 0, false },
                { NULL, "08:00-08:53", 0, false }, /* the end is not part of it */
                { "4", "00:00-24:00", 0, true },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                Capability capability = { .window = { (char *) rows[i].days, (char *) rows[i].utc } };

                if (capability_window_open(&capability, WORLD_NOW + (uint64_t) rows[i].after_min * 60000) !=
                    rows[i].open)
                        fail_msg("row %zu", i);
        }
}

static void test_display_names(void **state)
{
        char *rm[] = { (char *) "/usr/bin/rm" }, *odd[] = { (char *) "/opt/r\xc3\xa9 x" };
        char *long_name[] = {
                (char *) "/opt/"
                         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        };
        Arguments arguments = { .argv = { rm, 1 },
                                .unit = (char *) "nginx.service",
                                .root = (char *) "home" };
        char subject[64];

        capability_subject(CAPABILITY_SHELL_EXEC, &arguments, subject);
        assert_string_equal(subject, "shell.exec.rm");
        capability_subject(CAPABILITY_SERVICE_RESTART, &arguments, subject);
        assert_string_equal(subject, "service.restart.nginx.service");
        capability_subject(CAPABILITY_FS_READ, &arguments, subject);
        assert_string_equal(subject, "fs.read.home");
        capability_subject(CAPABILITY_DOCKER_LIST, &arguments, subject);
        assert_string_equal(subject, "docker.list");

        arguments.argv.items = odd;
        capability_subject(CAPABILITY_SHELL_EXEC, &arguments, subject);
        assert_string_equal(subject, "shell.exec.r???x");
        arguments.argv.items = long_name;
        capability_subject(CAPABILITY_SHELL_EXEC, &arguments, subject);
        assert_int_equal(strlen(subject), 63);
}

static void test_kind_names(void **state)
{
        for (int kind = 0; kind < _CAPABILITY_KIND_MAX; kind++)
                assert_int_equal(capability_kind_from_name(capability_kind_name((CapabilityKind) kind)),
                                 kind);

        assert_int_equal(capability_kind_from_name("shell.Exec"), _CAPABILITY_KIND_INVALID);
        assert_int_equal(capability_kind_from_name(""), _CAPABILITY_KIND_INVALID);
        assert_true(arguments_key_exists(CAPABILITY_FS_WRITE, "content_b64"));
        assert_false(arguments_key_exists(CAPABILITY_FS_READ, "content_b64"));
        assert_false(capability_kind_is_read_only(CAPABILITY_SHELL_EXEC));
        assert_true(capability_kind_is_read_only(CAPABILITY_FS_READ));
}

/* The reason of the rejection is that of the closest entry. */
static void test_rejection_of_the_closest_entry(void **state)
{
        char *ls[] = { (char *) "/usr/bin/ls", (char *) "-x" }, *rm[] = { (char *) "/usr/bin/rm" };
        const Capability *found = NULL;
        Arguments arguments = { .argv = { ls, 2 } };
        World world;

        world_init(&world, NULL, 0);
        assert_err(manifest_find_capability(world.manifest, CAPABILITY_SHELL_EXEC, &arguments, &found),
                   DEVBOX_ERROR_ARGS_DENIED);
        arguments.argv.items = rm;
        arguments.argv.n = 1;
        assert_err(manifest_find_capability(world.manifest, CAPABILITY_SHELL_EXEC, &arguments, &found),
                   DEVBOX_ERROR_BINARY_NOT_ALLOWED);
        assert_err(manifest_find_capability(world.manifest, CAPABILITY_SENSORS_READ, &arguments, &found),
                   DEVBOX_ERROR_UNKNOWN_CAPABILITY);
        assert_null(found);
        world_done(&world);
}

/* The program of a host is its path; that of a container is an argument like the others. */
static void test_executed_arguments(void **state)
{
        char *on_host[] = { (char *) "/usr/bin/ls", (char *) "-la", (char *) "/home" },
             *in_container[] = { (char *) "ps" };
        static const Edit edits[] = { { "{\"lit\":\"--\"}", "{\"insert\":\"--\"}" } };
        Arguments ls = { .argv = { on_host, 3 } },
                  ps = { .argv = { in_container, 1 }, .container = (char *) "web" };
        ExecutedArguments executed;
        World world;

        world_init(&world, edits, 1);
        const PathRoots *roots = &world.manifest->roots;
        const Capability *exec = manifest_find_entry(world.manifest, "ls-home"),
                         *docker = manifest_find_entry(world.manifest, "web-ps");

        assert_err(capability_match_command(exec, roots, &ls, &executed), 0);
        assert_int_equal(executed.n, 4);
        assert_string_equal(executed.items[0], "/usr/bin/ls");
        assert_string_equal(executed.items[2], "--");
        assert_string_equal(executed.items[3], "/home");
        assert_err(capability_match_command(docker, roots, &ps, &executed), 0);
        assert_int_equal(executed.n, 1);
        assert_string_equal(executed.items[0], "ps");

        on_host[2] = (char *) "/etc";
        assert_err(capability_match_command(exec, roots, &ls, &executed), DEVBOX_ERROR_ARGS_DENIED);
        on_host[0] = (char *) "/usr/bin/rm";
        assert_err(capability_match_command(exec, roots, &ls, &executed), DEVBOX_ERROR_BINARY_NOT_ALLOWED);
        assert_int_equal(executed.n, 1);
        world_done(&world);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_hours),
                cmocka_unit_test(test_display_names),
                cmocka_unit_test(test_kind_names),
                cmocka_unit_test(test_rejection_of_the_closest_entry),
                cmocka_unit_test(test_executed_arguments),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
