/* SPDX-License-Identifier: MIT */
/* What devboxctl run ends with: each exit status of devboxctl-run(1), and a file from standard input. */

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "basic/fd.h"
#include "basic/file.h"
#include "ctl-run.h"
#include "files.h"
#include "run-calls.h"

#define WORDS_MAX 8

#define run_words(world, ...) run_ctl_words((world)->ledger->bus, (const char *const[]){ __VA_ARGS__, NULL })

/* devboxctl while the test does something else. */
typedef struct Background {
        const RunWorld *world;
        const char *const *words;
        const char *input;
        pthread_t thread;
        Run run;
} Background;

static void *work(void *userdata)
{
        Background *background = userdata;

        background->run = run_ctl_with_input(background->world->ledger->bus, background->words,
                                             strempty(background->input));
        return NULL;
}

/* Returns the id of the only request that is open, once it is in this state. */
static void wait_open(const RunWorld *world, const char *state, char ret_id[static ULID_SIZE])
{
        _cleanup_(freep) char *part = text_of("\"state\":\"%s\"", state);

        for (unsigned i = 0; i < TEST_DEADLINE_SEC * 20; i++) {
                _cleanup_(run_done) Run run = run_words(world, "requests", "--open", "--json");
                const char *id = strstr(run.output, "\"id\":\"");

                if (id && strstr(run.output, part)) {
                        (void) snprintf(ret_id, ULID_SIZE, "%s", id + strlen("\"id\":\""));
                        return;
                }
                (void) usleep(50000);
        }
        fail_msg("no request is %s", state);
}

static void restart_agent(RunWorld *world)
{
        test_daemon_free(world->agent);
        start_agent(world);
}

static void test_statuses(void **state)
{
        static const struct {
                const char *words[WORDS_MAX];
                const char *state; /* in which something happens; NULL: nothing does */
                const char *verb;  /* of devboxctl; NULL: the agent dies */
                int status;
        } rows[] = {
                { { "run", "dev-a", "ls", "--", "/home" }, NULL, NULL, 0 },
                { { "run", "dev-a", "ls", "absent" }, NULL, NULL, 2 }, /* the program's */
                { { "run", "dev-a", "--no-such-option", "ls" }, NULL, NULL, 2 },
                { { "run", "dev-a", "rm", "-rf", "/" }, NULL, NULL, 77 },
                { { "run", "dev-a", "ls", "late" }, NULL, NULL, 77 }, /* it expires */
                { { "run", "dev-a", "sleep", "infinity" }, "approving", "deny", 77 },
                { { "run", "dev-a", "--timeout", "1", "sleep", "1000" }, NULL, NULL, 124 },
                { { "run", "dev-a", "sleep", "1000" }, "running", "cancel", 130 },
                { { "run", "dev-a", "sleep", "infinity" }, "approving", "cancel", 130 },
                { { "run", "dev-a", "sleep", "1000" }, "running", NULL, 70 },
        };
        RunWorld *world = *state;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                Background background = { .world = world, .words = rows[i].words };
                char id[ULID_SIZE];

                assert_int_equal(pthread_create(&background.thread, NULL, work, &background), 0);
                if (rows[i].state)
                        wait_open(world, rows[i].state, id);
                if (rows[i].state && !rows[i].verb)
                        restart_agent(world);
                else if (rows[i].state && streq(rows[i].verb, "deny")) {
                        _cleanup_(run_done) Run denied = run_words(world, "deny", id);
                        assert_int_equal(denied.status, 0);
                } else if (rows[i].state) {
                        _cleanup_(run_done) Run cancelled = run_words(world, "request", "cancel", id);
                        assert_int_equal(cancelled.status, 0);
                }
                assert_int_equal(pthread_join(background.thread, NULL), 0);
                if (background.run.status != rows[i].status)
                        fail_msg("row %zu: %d: %s", i, background.run.status, background.run.output);
                run_done(&background.run);
        }

        assert_int_equal(test_daemon_stop(world->agent), 0);
        world->agent = test_daemon_free(world->agent);
        (void) shutdown(world->listen_fd, SHUT_RDWR);
        _cleanup_(run_done) Run away = run_words(world, "run", "dev-a", "ls", "--", "/home");
        assert_int_equal(away.status, 69);
        assert_has(away.output, "mesh_unreachable: ");
        atomic_store(&world->mesh_fails, true);
        _cleanup_(run_done) Run broken = run_words(world, "run", "dev-a", "ls", "--", "/home");
        assert_int_equal(broken.status, 1);
        verify_chain(world->ledger);
}

static void test_file_from_standard_input(void **state)
{
        RunWorld *world = *state;
        _cleanup_(freep) char *path = text_of("%s/note", world->directory);
        const char *const words[] = { "run", "dev-a", "--write", path, NULL };
        Background background = { .world = world, .words = words, .input = "a\n\x01 b" };
        _cleanup_(freep) char *content = NULL;
        char id[ULID_SIZE];

        assert_int_equal(pthread_create(&background.thread, NULL, work, &background), 0);
        wait_open(world, "approving", id);
        assert_int_equal(access(path, F_OK), -1);
        _cleanup_(run_done) Run approved = run_words(world, "approve", id);
        assert_int_equal(approved.status, 0);
        assert_int_equal(pthread_join(background.thread, NULL), 0);
        assert_int_equal(background.run.status, 0);
        assert_ok(fd_read_file_at(AT_FDCWD, path, 100, &content, NULL));
        assert_string_equal(content, background.input);
        run_done(&background.run);
}

/* Beyond the limit of the manifest's entry; in JSON the size of all of it says so. */
static void test_output_that_is_cut(void **state)
{
        static char text[200000];
        RunWorld *world = *state;
        _cleanup_(freep) char *path = text_of("%s/long", world->directory);

        memset(text, 'x', sizeof text);
        int fd = assert_ok(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
        assert_ok(fd_write_all(fd, BYTES(text, sizeof text)));
        (void) close(fd);
        _cleanup_(run_done) Run cut = run_words(world, "run", "dev-a", "--read", path);
        assert_int_equal(cut.status, 0);
        assert_has(cut.output, "the output is cut: 134464 bytes are beyond max_output");
        _cleanup_(run_done) Run json = run_words(world, "run", "dev-a", "--read", path, "--json");
        assert_has(json.output, "\"output_bytes\":200000");
        _cleanup_(run_done) Run whole = run_words(world, "run", "dev-a", "ls", "--", "/home");
        assert_null(strstr(whole.output, "is cut"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                run_world_test(test_statuses),
                run_world_test(test_file_from_standard_input),
                run_world_test(test_output_that_is_cut),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
