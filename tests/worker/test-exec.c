/* SPDX-License-Identifier: MIT */
/* shell.exec, with the programs of the system. */

#include "job-world.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "basic/text.h"
#include "filtered.h"
#include "worker/landlock.h"

#define ARGV(...) ((char *[]){ __VA_ARGS__ }), sizeof((char *[]){ __VA_ARGS__ }) / sizeof(char *)

static void run(JobWorld *world, char **argv, size_t n)
{
        world->request.arguments.argv.items = argv;
        world->request.arguments.argv.n = n;
        world->capability.bin = argv[0];
        job_world_run(world, exec_run);
}

static bool has_landlock(void)
{
        _cleanup_(landlock_rules_done) LandlockRules rules = LANDLOCK_RULES_NULL;

        return landlock_rules_init(&rules) == 0;
}

static void test_output_and_exit(void **state)
{
        static const struct {
                char *argv[4];
                size_t n;
                const char *out;
                int exit_code;
        } rows[] = {
                { { (char *) "/usr/bin/printf", (char *) "a;b $HOME *" }, 2, "a;b $HOME *", 0 },
                { { (char *) "/usr/bin/true" }, 1, "", 0 },
                { { (char *) "/usr/bin/false" }, 1, "", 1 },
                { { (char *) "/usr/bin/test", (char *) "-t", (char *) "0" }, 3, "", 1 },
                { { (char *) "/usr/bin/pwd" }, 1, "/\n", 0 },
                { { (char *) "/usr/bin/cat" }, 1, "", 0 }, /* standard input is empty */
                { { (char *) "/usr/bin/cat", (char *) "/proc/self/oom_score_adj" }, 2, "1000\n", 0 },
        };
        JobWorld *world = *state;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                run(world, (char **) rows[i].argv, rows[i].n);

                assert_ok(world->result);
                assert_int_equal(world->outcome.status, RESULT_FINISHED);
                assert_int_equal(world->outcome.exit_code, rows[i].exit_code);
                assert_int_equal(world->outcome.exit_signal, 0);
                assert_string_equal(world->streams[OUTPUT_STDOUT], rows[i].out);
        }
}

static void test_environment_is_the_entry_s(void **state)
{
        JobWorld *world = *state;
        SchemaPair pairs[] = { { (char *) "LANG", (char *) "C.UTF-8" },
                               { (char *) "COLUMNS", (char *) "80" } };

        assert_int_equal(setenv("LD_PRELOAD", "/nonexistent", 1), 0);
        run(world, ARGV((char *) "/usr/bin/env"));
        assert_string_equal(world->streams[OUTPUT_STDOUT], "");

        world->capability.env.items = pairs;
        world->capability.env.n = ELEMENTSOF(pairs);
        run(world, ARGV((char *) "/usr/bin/env"));
        assert_string_equal(world->streams[OUTPUT_STDOUT], "LANG=C.UTF-8\nCOLUMNS=80\n");
        assert_int_equal(unsetenv("LD_PRELOAD"), 0);
}

static void test_inherits_no_descriptor(void **state)
{
        JobWorld *world = *state;

        run(world, ARGV((char *) "/usr/bin/ls", (char *) "/proc/self/fd"));

        /* 3 is that of the directory it reads. */
        assert_string_equal(world->streams[OUTPUT_STDOUT], "0\n1\n2\n3\n");
}

static void test_output_beyond_the_limit_is_counted(void **state)
{
        JobWorld *world = *state;
        _cleanup_(text_done) Text whole = TEXT_NULL;
        Sha256 expected, digest;

        for (unsigned i = 1; i <= 20000; i++)
                text_appendf(&whole, "%u\n", i);
        sha256(BYTES(whole.data, whole.size), &expected);
        world->request.limits.max_output = 5000;
        run(world, ARGV((char *) "/usr/bin/seq", (char *) "20000"));

        assert_int_equal(world->outcome.exit_code, 0);
        assert_int_equal(world->sizes[OUTPUT_STDOUT], 5000);
        assert_memory_equal(world->streams[OUTPUT_STDOUT], whole.data, 5000);
        assert_true(output_is_truncated(&world->output, OUTPUT_STDOUT));
        assert_int_equal(world->output.streams[OUTPUT_STDOUT].size, whole.size);
        sha256_final(&world->output.streams[OUTPUT_STDOUT].digest, &digest);
        assert_memory_equal(&digest, &expected, sizeof digest);
}

static void test_timeout_kills(void **state)
{
        JobWorld *world = *state;

        world->request.limits.timeout_ms = 50;
        run(world, ARGV((char *) "/usr/bin/sleep", (char *) "1000"));

        assert_ok(world->result);
        assert_int_equal(world->outcome.status, RESULT_TIMEOUT);
        assert_int_equal(world->outcome.exit_code, -1);
}

static void test_cancel_kills(void **state)
{
        JobWorld *world = *state;

        world->cancel_on_output = true;
        run(world, ARGV((char *) "/usr/bin/yes"));

        assert_ok(world->result);
        assert_int_equal(world->outcome.status, RESULT_CANCELLED);
        assert_int_equal(world->outcome.exit_code, -1);
}

static void test_agent_that_is_gone(void **state)
{
        JobWorld *world = *state;

        world->close_on_output = true;
        run(world, ARGV((char *) "/usr/bin/yes"));

        assert_true(world->result < 0 || world->outcome.status == RESULT_CANCELLED);
}

static void test_death_by_signal(void **state)
{
        JobWorld *world = *state;

        run(world, ARGV((char *) "/usr/bin/timeout", (char *) "-s", (char *) "KILL", (char *) "0.05",
                        (char *) "/usr/bin/sleep", (char *) "1000"));

        assert_ok(world->result);
        assert_int_equal(world->outcome.status, RESULT_FINISHED);
        assert_true(world->outcome.exit_signal == SIGKILL || world->outcome.exit_code >= 125);
}

static void test_landlock_leaves_only_the_roots(void **state)
{
        JobWorld *world = *state;
        char path[64];
        ArgumentConstraint constraint = { .kind = CONSTRAINT_PATH, .path_root = (char *) "home" };

        if (!has_landlock())
                skip();

        job_world_write(world, "note", "hello");
        (void) snprintf(path, sizeof path, "%s/note", world->directory);
        run(world, ARGV((char *) "/usr/bin/cat", path));
        assert_int_equal(world->outcome.exit_code, 1);

        world->capability.argv.items = &constraint;
        world->capability.argv.n = 1;
        run(world, ARGV((char *) "/usr/bin/cat", path));
        assert_string_equal(world->streams[OUTPUT_STDOUT], "hello");
        run(world, ARGV((char *) "/usr/bin/cat", (char *) "/etc/passwd"));
        assert_int_equal(world->outcome.exit_code, 1);
        run(world, ARGV((char *) "/usr/bin/env", (char *) "/usr/bin/id"));
        assert_int_equal(world->outcome.exit_code, 126);
}

static void test_program_that_cannot_be_run(void **state)
{
        JobWorld *world = *state;

        run(world, ARGV((char *) "/usr/bin/no-such-program"));
        assert_int_equal(world->outcome.status, RESULT_FAILED);
        assert_int_equal(world->outcome.reason, DEVBOX_ERROR_BINARY_NOT_ALLOWED);
        assert_non_null(world->outcome.why);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_output_and_exit, job_world_up, job_world_down),
                cmocka_unit_test_setup_teardown(test_environment_is_the_entry_s, job_world_up,
                                                job_world_down),
                cmocka_unit_test_setup_teardown(test_inherits_no_descriptor, job_world_up, job_world_down),
                cmocka_unit_test_setup_teardown(test_output_beyond_the_limit_is_counted, job_world_up,
                                                job_world_down),
                cmocka_unit_test_setup_teardown(test_timeout_kills, job_world_up, job_world_down),
                cmocka_unit_test_setup_teardown(test_cancel_kills, job_world_up, job_world_down),
                cmocka_unit_test_setup_teardown(test_agent_that_is_gone, job_world_up, job_world_down),
                cmocka_unit_test_setup_teardown(test_death_by_signal, job_world_up, job_world_down),
                cmocka_unit_test_setup_teardown(test_landlock_leaves_only_the_roots, job_world_up,
                                                job_world_down),
                cmocka_unit_test_setup_teardown(test_program_that_cannot_be_run, job_world_up,
                                                job_world_down),
        };

        return landlock_is_denied() ? 77 : cmocka_run_group_tests(tests, NULL, NULL);
}
