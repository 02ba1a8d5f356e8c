/* SPDX-License-Identifier: MIT */
/* A command from the dispatcher to a worker and back. */

#include "run-world.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "basic/bytes.h"
#include "basic/fd.h"
#include "basic/text.h"
#include "ctl-run.h"

typedef struct Outcome {
        char id[64];
        Text out, err, end;
} Outcome;

#define run_words(world, ...) run_ctl_words((world)->ledger->bus, (const char *const[]){ __VA_ARGS__, NULL })

static const RunWorld *current; /* for the logs of a failure */

static void outcome_done(Outcome *outcome)
{
        text_done(&outcome->out);
        text_done(&outcome->err);
        text_done(&outcome->end);
}

static sd_bus_message *new_dispatch_call(const RunWorld *world, const char *member)
{
        sd_bus_message *call = NULL;

        assert_ok(sd_bus_message_new_method_call(world->client, &call, DISPATCH, "/org/devbox/Dispatch1",
                                                 DISPATCH, member));
        return call;
}

/* Run: the test's end of the stream. */
static int run(const RunWorld *world, const char *capability, char **words, Outcome *outcome)
{
        sd_bus_message *call = new_dispatch_call(world, "Run");
        const char *id;
        int fds[2];

        current = world;
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        assert_ok(sd_bus_message_append(call, "ss", "dev-a", capability));
        assert_ok(sd_bus_message_append_strv(call, words));
        assert_ok(sd_bus_message_append(call, "a{sv}h", 0, fds[1]));
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = finish_call(world->client, call, NULL);
        assert_ok(sd_bus_message_read(reply, "s", &id));
        (void) snprintf(outcome->id, sizeof outcome->id, "%s", id);
        (void) close(fds[1]);
        return fds[0];
}

static void read_all(int fd, void *buffer, size_t size)
{
        for (size_t done = 0; done < size;) {
                ssize_t n = read(fd, (char *) buffer + done, size - done);

                assert_true(n > 0);
                done += (size_t) n;
        }
}

/* All frames up to the last. */
static void follow(int take_fd, Outcome *outcome)
{
        _cleanup_(fd_closep) int fd = take_fd;
        const struct timeval timeout = { .tv_sec = TEST_DEADLINE_SEC };
        uint8_t header[5] = { 0 };
        static char payload[1024 * 1024];

        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout), 0);
        while (header[0] != 'R') {
                read_all(fd, header, sizeof header);
                uint32_t size = get_be32(header + 1);
                assert_true(size <= sizeof payload);
                read_all(fd, payload, size);
                text_append_bytes(header[0] == 'O'   ? &outcome->out
                                  : header[0] == 'E' ? &outcome->err
                                                     : &outcome->end,
                                  payload, size);
        }
        text_append_bytes(&outcome->out, "", 0);
        text_append_bytes(&outcome->err, "", 0);
}

static void print_logs(void)
{
        static const char *const names[] = { "org.devbox.Agent1", DISPATCH, LEDGER };

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                _cleanup_(freep) char *log = test_bus_read_log(current->ledger->bus, names[i]);

                print_message("%s:\n%s\n", names[i], strempty(log));
        }
}

static void assert_end(const Outcome *outcome, const char *part)
{
        if (!strstr(strempty(outcome->end.data), part))
                print_logs();
        if (!strstr(strempty(outcome->end.data), part))
                fail_msg("%s lacks %s; standard error: %s", strempty(outcome->end.data), part,
                         strempty(outcome->err.data));
}

/* Waits until the request has ended. Returns the state, in static memory. */
static const char *wait_end(const RunWorld *world, const char *id)
{
        static char state[64];

        for (unsigned i = 0; i < TEST_DEADLINE_SEC * 20; i++) {
                sd_bus_message *call = new_dispatch_call(world, "GetRequest");

                assert_ok(sd_bus_message_append(call, "s", id));
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply =
                        finish_call(world->client, call, NULL);
                (void) snprintf(state, sizeof state, "%s", dictionary_text(reply, "state"));
                if (*dictionary_text(reply, "ended_at_ms") != '\0')
                        return state;
                (void) usleep(50000);
        }

        fail_msg("%s does not end", id);
        return state;
}

static void test_output_and_exit(void **state)
{
        char *words[] = { (char *) "ls", (char *) "--", (char *) "/home", NULL };
        _cleanup_(outcome_done) Outcome outcome = { .id = "" };
        RunWorld *world = *state;

        follow(run(world, "shell.exec", words, &outcome), &outcome);
        assert_end(&outcome, "\"state\":\"finished\"");
        assert_end(&outcome, "\"exit_code\":0");
        assert_string_equal(wait_end(world, outcome.id), "finished");
        assert_string_equal(wait_end(world, outcome.id + strlen(outcome.id) - 6), "finished");
        assert_int_equal(atomic_load(&world->keepalive_sec), KEEPALIVE);
        verify_chain(world->ledger);
}

static void test_rejections(void **state)
{
        static const struct {
                const char *capability;
                char *words[4];
                const char *end;
        } rows[] = {
                { "shell.exec",
                  { (char *) "rm", (char *) "-rf", (char *) "/" },
                  "capability rejected: shell.exec.rm not in manifest" },
                { "shell.exec",
                  { (char *) "ls", (char *) "--", (char *) "/etc" },
                  "\"state\":\"rejected\"" },
                { "camera.snapshot", { NULL }, "capability not in manifest" },
                { "door.open", { (char *) "front" }, "\"state\":\"rejected\"" },
                { "fs.read", { (char *) "/etc/shadow" }, "\"reason\":\"path_denied\"" },
        };
        RunWorld *world = *state;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(outcome_done) Outcome outcome = { .id = "" };

                follow(run(world, rows[i].capability, (char **) rows[i].words, &outcome), &outcome);
                assert_end(&outcome, rows[i].end);
                assert_int_equal(outcome.out.size, 0);
        }
        verify_chain(world->ledger);
}

static void decide(const RunWorld *world, const char *method, const char *id, const char *wanted)
{
        sd_bus_message *call = new_dispatch_call(world, method);

        assert_ok(sd_bus_message_append(call, "sa{sv}", id, 0));
        sd_bus_message_unref(finish_call(world->client, call, wanted));
}

static void test_approval(void **state)
{
        RunWorld *world = *state;
        char path[160], *words[] = { path, (char *) "hello", NULL };
        _cleanup_(outcome_done) Outcome outcome = { .id = "" }, denied = { .id = "" };
        _cleanup_(freep) char *content = NULL;

        (void) snprintf(path, sizeof path, "%s/note", world->directory);
        int fd = run(world, "fs.write", words, &outcome);
        assert_int_equal(access(path, F_OK), -1);
        decide(world, "Approve", outcome.id, NULL);
        follow(fd, &outcome);
        assert_end(&outcome, "\"exit_code\":0");
        assert_ok(fd_read_file_at(AT_FDCWD, path, 100, &content, NULL));
        assert_string_equal(content, "hello");
        decide(world, "Approve", outcome.id, "RequestState");

        (void) snprintf(path, sizeof path, "%s/other", world->directory);
        fd = run(world, "fs.write", words, &denied);
        decide(world, "Deny", denied.id, NULL);
        follow(fd, &denied);
        assert_end(&denied, "\"state\":\"denied\"");
        assert_int_equal(access(path, F_OK), -1);
        verify_chain(world->ledger);
}

/* Sleeps until it is killed. */
static int start_sleep(const RunWorld *world, Outcome *outcome)
{
        char *words[] = { (char *) "sleep", (char *) "1000", NULL };
        int fd = run(world, "shell.exec", words, outcome);

        for (unsigned i = 0; i < TEST_DEADLINE_SEC * 20; i++) {
                sd_bus_message *call = new_dispatch_call(world, "GetRequest");

                assert_ok(sd_bus_message_append(call, "s", outcome->id));
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply =
                        finish_call(world->client, call, NULL);
                if (!streq(dictionary_text(reply, "state"), "queued"))
                        break;
                (void) usleep(50000);
        }
        return fd;
}

static void test_hanging_up_cancels(void **state)
{
        RunWorld *world = *state;
        _cleanup_(outcome_done) Outcome outcome = { .id = "" };

        (void) close(start_sleep(world, &outcome));
        assert_string_equal(wait_end(world, outcome.id), "cancelled");
        verify_chain(world->ledger);
}

static void test_agent_that_dies(void **state)
{
        RunWorld *world = *state;
        _cleanup_(outcome_done) Outcome outcome = { .id = "" };
        int fd = start_sleep(world, &outcome);

        test_daemon_signal(world->agent, SIGKILL);
        (void) test_daemon_wait(world->agent);
        test_daemon_free(world->agent);
        start_agent(world);

        follow(fd, &outcome);
        assert_true(strstr(outcome.end.data, "\"interrupted_unknown\"") ||
                    strstr(outcome.end.data, "\"interrupted\""));
        verify_chain(world->ledger);
}

static void test_worker_that_is_off(void **state)
{
        RunWorld *world = *state;
        char *words[] = { (char *) "ls", (char *) "--", (char *) "/home", NULL };
        _cleanup_(outcome_done) Outcome outcome = { .id = "" };

        set_worker(world, "exec", false);
        follow(run(world, "shell.exec", words, &outcome), &outcome);
        assert_end(&outcome, "\"reason\":\"capability_unavailable\"");
        verify_chain(world->ledger);
}

/* The ledger of this test witnesses no chain. */
static void test_fleet(void **state)
{
        RunWorld *world = *state;
        char path[160], *ls[] = { (char *) "ls", (char *) "/home", NULL }, *write[] = { path, NULL };
        _cleanup_(outcome_done) Outcome outcome = { .id = "" }, waiting = { .id = "" };

        _cleanup_(run_done) Run idle = run_words(world, "fleet");
        assert_has(idle.output, "\ndev-a online never v1, expired - 0 entries\n");
        follow(run(world, "shell.exec", ls, &outcome), &outcome);
        (void) snprintf(path, sizeof path, "%s/note", world->directory);
        _cleanup_(fd_closep) int fd = run(world, "fs.write", write, &waiting);
        _cleanup_(run_done) Run busy = run_words(world, "fleet");
        assert_has(busy.output, " 1 approving ");
        assert_has(busy.output, " not witnessed\n");
        _cleanup_(run_done) Run json = run_words(world, "fleet", "--json");
        assert_true(startswith(json.output, "{\"devices\":[{\"name\":\"dev-a\",\"address\":\"127.0.0.1\","));
        assert_has(json.output, "\"approving\":1,\"queued\":0,\"running\":0,\"audit_entries\":");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                run_world_test(test_output_and_exit), run_world_test(test_rejections),
                run_world_test(test_approval),        run_world_test(test_hanging_up_cancels),
                run_world_test(test_agent_that_dies), run_world_test(test_worker_that_is_off),
                run_world_test(test_fleet),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
