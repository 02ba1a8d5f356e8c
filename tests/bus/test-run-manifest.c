/* SPDX-License-Identifier: MIT */
/* What a manifest does not allow, and one that the device does not install: who runs something learns which,
 * why and what to do. */

#include <fcntl.h>

#include "basic/fd.h"
#include "ctl-run.h"
#include "run-calls.h"

#define run_words(world, ...) run_ctl_words((world)->ledger->bus, (const char *const[]){ __VA_ARGS__, NULL })

static const char *const rejection =
        "dev-a rejects manifest version 7: the manifest goes beyond the device's "
        "/etc/devbox/ceiling.yaml: capabilities[0] (";
static const char *const cure =
        "; change that file on dev-a and run there: devboxctl device reload; or publish another manifest\n";

static void set_ceiling(const RunWorld *world, const char *text)
{
        write_state_file(world->ledger, "ceiling.yaml", text);
        sd_bus_message_unref(test_call(world->client, LEDGER, LEDGER ".Reload"));
}

static void test_beyond_the_ceiling(void **state)
{
        RunWorld *world = *state;

        const char *path = strchr(world->ledger->ceiling_variable, '=') + 1;
        _cleanup_(freep) char *wide = NULL;

        assert_ok(fd_read_file_at(AT_FDCWD, path, 4096, &wide, NULL));
        set_ceiling(world, "v: 1\ncapabilities: []\n");
        _cleanup_(run_done) Run before = run_words(world, "fleet");
        assert_null(strstr(before.output, "REJECTED"));
        for (size_t i = 0; i < 2; i++) {
                _cleanup_(run_done) Run rejected = run_words(world, "run", "dev-a", "ls", "--", "/home");
                assert_int_equal(rejected.status, 77);
                assert_has(rejected.output, rejection);
                assert_has(rejected.output, cure);
        }
        _cleanup_(run_done) Run fleet = run_words(world, "fleet");
        assert_has(fleet.output, " v7, REJECTED ");
        assert_has(fleet.output, rejection);
        assert_has(fleet.output, cure);
        _cleanup_(run_done) Run json = run_words(world, "fleet", "--json");
        assert_has(json.output, "\"manifest_problem\":\"dev-a rejects manifest version 7: ");

        /* What was said about a manifest ends when the device installs it. */
        set_ceiling(world, wide);
        _cleanup_(run_done) Run run = run_words(world, "run", "dev-a", "ls", "--", "/home");
        assert_int_equal(run.status, 0);
        _cleanup_(run_done) Run after = run_words(world, "fleet");
        assert_null(strstr(after.output, "reject"));
}

/* The device's sentence names what was asked for. */
static void test_names_of_capabilities(void **state)
{
        static const struct {
                const char *words[5], *sentence;
        } rows[] = {
                { { "docker.exec", "db", "ps" }, "docker.exec.db not in manifest" },
                { { "docker", "exec", "db", "ps" }, "docker.exec.db not in manifest" },
                { { "docker", "ps" }, "shell.exec.docker not in manifest" },
                { { "/usr/bin/docker", "exec", "db", "ps" }, "shell.exec.docker not in manifest" },
        };
        RunWorld *world = *state;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                const char *const *words = rows[i].words;
                _cleanup_(run_done) Run run =
                        run_words(world, "run", "dev-a", words[0], words[1], words[2], words[3]);

                assert_has(run.output, rows[i].sentence);
                assert_int_equal(run.status, 77);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                run_world_test(test_beyond_the_ceiling),
                run_world_test(test_names_of_capabilities),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
