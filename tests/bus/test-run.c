/* SPDX-License-Identifier: MIT */
/* A command from the dispatcher to a worker and back. */

#include "run-calls.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "basic/fd.h"
#include "basic/file.h"
#include "codec/binary-text.h"
#include "ctl-run.h"
#include "files.h"

#define run_words(world, ...) run_ctl_words((world)->ledger->bus, (const char *const[]){ __VA_ARGS__, NULL })

static void test_output_and_exit(void **state)
{
        char *words[] = { (char *) "ls", (char *) "--", (char *) "/home", NULL };
        _cleanup_(outcome_done) Outcome outcome = { .id = "" };
        RunWorld *world = *state;

        follow(run(world, "shell.exec", words, &outcome), &outcome);
        assert_end(world, &outcome, "\"state\":\"finished\"");
        assert_end(world, &outcome, "\"exit_code\":0");
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
                assert_end(world, &outcome, rows[i].end);
                assert_int_equal(outcome.out.size, 0);
        }
        verify_chain(world->ledger);
}

/* As where systemd cannot start it. */
static void test_a_worker_that_says_nothing(void **state)
{
        RunWorld *world = *state;
        char *words[] = { (char *) "/usr/bin/sleep", (char *) "1", NULL };
        _cleanup_(freep) char *key = text_of("%s/credentials/device-key", world->run_directory);
        _cleanup_(outcome_done) Outcome outcome = { .id = "" };

        assert_ok(unlink(key));
        follow(run(world, "shell.exec", words, &outcome), &outcome);
        assert_end(world, &outcome, "\"reason\":\"capability_unavailable\"");
        verify_chain(world->ledger);
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
        assert_end(world, &outcome, "\"exit_code\":0");
        assert_ok(fd_read_file_at(AT_FDCWD, path, 100, &content, NULL));
        assert_string_equal(content, "hello");
        decide(world, "Approve", outcome.id, "RequestState");

        (void) snprintf(path, sizeof path, "%s/other", world->directory);
        fd = run(world, "fs.write", words, &denied);
        decide(world, "Deny", denied.id, NULL);
        follow(fd, &denied);
        assert_end(world, &denied, "\"state\":\"denied\"");
        assert_int_equal(access(path, F_OK), -1);
        verify_chain(world->ledger);
}

/* With a signed approval of another request. */
static void approve_another(const RunWorld *world, const char *id, WorldKey key, const char *wanted)
{
        const Edit digest = { "@@request@@",
                              "000000000000000000000000000000000000000000000000000000000000dead" };
        _cleanup_(freep) char *approval = world_text(world_approval, &digest, 1);
        _cleanup_(envelope_freep) Envelope *envelope = WORLD_SIGN(ENVELOPE_APPROVAL, approval, key);
        sd_bus_message *call = new_dispatch_call(world, "Approve");
        _cleanup_(freep) char *text = NULL;

        assert_ok(envelope_format(envelope, &text));
        assert_ok(sd_bus_message_append(call, "sa{sv}", id, 1, "envelope", "s", text));
        sd_bus_message_unref(finish_call(world->client, call, wanted));
}

/* A file with the seed of a key of the world: 32 times a byte. */
static char *write_seed(const RunWorld *world, const char *name, char digit)
{
        char seed[65];

        for (size_t i = 0; i < 64; i += 2) {
                seed[i] = '1';
                seed[i + 1] = digit;
        }
        seed[64] = '\0';
        write_state_file(world->ledger, name, seed);
        return text_of("%s/%s", world->ledger->directory, name);
}

/* By @bob's own key: also where no attester may speak for him. The device accepts it, and has no worker. */
static void test_signed_approval(void **state)
{
        RunWorld *world = *state;
        _cleanup_(freep) char *bob = write_seed(world, "bob", '7'),
                              *stranger = write_seed(world, "eve", 'a');
        char path[160], what[256], *ps[] = { (char *) "web", (char *) "ps", NULL },
                                   *note[] = { path, (char *) "hello", NULL };
        _cleanup_(outcome_done) Outcome needs = { .id = "" }, outcome = { .id = "" };

        int fd = run(world, "docker.exec", ps, &needs);
        decide(world, "Approve", needs.id, "ApprovalMissing");
        _cleanup_(run_done) Run unsigned_one = run_words(world, "approve", needs.id);
        assert_has(unsigned_one.output, "is missing: the tier is signed, use: devboxctl approve --sign\n");
        approve_another(world, needs.id, KEY_BOB, "ApprovalMismatch");
        approve_another(world, needs.id, KEY_STRANGER, "UnknownKey");
        _cleanup_(run_done) Run unknown = run_words(world, "approve", needs.id, "--sign", "--key", stranger);
        assert_has(unknown.output, "no approver of dev-a has this key");
        assert_int_equal(unknown.status, 1);
        _cleanup_(run_done) Run usage = run_words(world, "approve", needs.id, "--key", bob);
        assert_int_equal(usage.status, 2);
        _cleanup_(run_done) Run approved = run_words(world, "approve", needs.id, "--sign", "--key", bob);
        assert_has(approved.output, " asks dev-a for: docker.exec web ps\n");
        assert_has(approved.output, "you sign as @bob:hs.example\n");
        assert_has(approved.output, " is approved\n");
        follow(fd, &needs);
        assert_end(world, &needs, "\"reason\":\"capability_unavailable\"");

        (void) snprintf(path, sizeof path, "%s/signed", world->directory);
        fd = run(world, "fs.write", note, &outcome);
        _cleanup_(run_done) Run written = run_words(world, "approve", outcome.id, "--sign", "--key", bob);
        (void) snprintf(what, sizeof what,
                        " asks dev-a for: fs.write %s (5 bytes, a new file, sha256 2cf24dba", path);
        assert_has(written.output, what);
        assert_int_equal(written.status, 0);
        follow(fd, &outcome);
        assert_end(world, &outcome, "\"exit_code\":0");
        verify_chain(world->ledger);
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

/* Takes the place of the agent once, and hangs up. */
static void refuse_connection(const RunWorld *world)
{
        struct pollfd polled = { .fd = world->listen_fd, .events = POLLIN };

        assert_int_equal(poll(&polled, 1, TEST_DEADLINE_SEC * 1000), 1);
        (void) close(assert_ok(accept4(world->listen_fd, NULL, NULL, SOCK_CLOEXEC)));
}

/* Both die while it runs, and the device is away when the dispatcher is back. */
static void test_running_request_outlives_the_dispatcher(void **state)
{
        RunWorld *world = *state;
        _cleanup_(outcome_done) Outcome outcome = { .id = "" };
        _cleanup_(fd_closep) int fd = start_sleep(world, &outcome);

        test_daemon_free(world->agent);
        test_daemon_free(world->dispatch);
        start_dispatch(world);
        refuse_connection(world);
        refuse_connection(world);
        start_agent(world);
        assert_true(startswith(wait_end(world, outcome.id), "interrupted"));
        verify_chain(world->ledger);
}

static void cancel(const RunWorld *world, const char *id, const char *wanted)
{
        sd_bus_message *call = new_dispatch_call(world, "Cancel");

        assert_ok(sd_bus_message_append(call, "s", id));
        sd_bus_message_unref(finish_call(world->client, call, wanted));
}

/* 31: what was withdrawn before it was approved, or while it runs, does not come back. */
static void test_31_withdrawn(void **state)
{
        RunWorld *world = *state;
        char path[160], *words[] = { path, (char *) "hello", NULL };
        _cleanup_(outcome_done) Outcome waiting = { .id = "" }, running = { .id = "" };

        (void) snprintf(path, sizeof path, "%s/note", world->directory);
        int fd = run(world, "fs.write", words, &waiting);
        cancel(world, waiting.id, NULL);
        follow(fd, &waiting);
        assert_end(world, &waiting, "\"state\":\"cancelled\"");
        decide(world, "Approve", waiting.id, "RequestState");
        cancel(world, waiting.id, "RequestState");

        fd = start_sleep(world, &running);
        cancel(world, running.id, NULL);
        follow(fd, &running);
        assert_end(world, &running, "\"state\":\"cancelled\"");
        assert_int_equal(access(path, F_OK), -1);
        verify_chain(world->ledger);
}

static void test_worker_that_is_off(void **state)
{
        RunWorld *world = *state;
        char *words[] = { (char *) "ls", (char *) "--", (char *) "/home", NULL };
        _cleanup_(outcome_done) Outcome outcome = { .id = "" };

        set_worker(world, "exec", false);
        follow(run(world, "shell.exec", words, &outcome), &outcome);
        assert_end(world, &outcome, "\"reason\":\"capability_unavailable\"");
        verify_chain(world->ledger);
}

/* One of GetMetrics of a component; -1: it is absent. */
static double metric(const RunWorld *world, const char *name, const char *wanted)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply =
                test_call(world->client, name, "org.devbox.Component1.GetMetrics");
        double value, found = -1;
        const char *key;

        assert_ok(sd_bus_message_enter_container(reply, 'a', "{sd}"));
        while (sd_bus_message_read(reply, "{sd}", &key, &value) > 0)
                if (streq(key, wanted))
                        found = value;
        return found;
}

static void test_metrics(void **state)
{
        static const struct {
                const char *key;
                double value; /* at least */
        } rows[] = {
                { "requests_submitted_total", 3 },
                { "requests_total{capability=\"shell.exec\",outcome=\"finished\"}", 1 },
                { "requests_total{capability=\"other\",outcome=\"rejected\"}", 1 },
                { "request_duration_seconds_bucket{le=\"+Inf\"}", 2 },
                { "request_duration_seconds_count", 2 },
                { "request_duration_seconds_sum", 1e-6 },
                { "approvals_waiting", 1 },
                { "approval_oldest_seconds", 0 },
                { "requests_queued", 0 },
                { "replays_blocked_total", 0 },
                { "device_audit_entries{device=\"dev-a\"}", 1 },
                { "device_witness_lag_entries{device=\"dev-a\"}", 1 },
        };
        RunWorld *world = *state;
        char path[160], *ls[] = { (char *) "ls", (char *) "--", (char *) "/home", NULL },
                        *write[] = { path, NULL }, *nothing[] = { NULL };
        _cleanup_(outcome_done) Outcome ran = { .id = "" }, rejected = { .id = "" }, waiting = { .id = "" };

        assert_true(metric(world, DISPATCH, rows[1].key) < 0);
        follow(run(world, "shell.exec", ls, &ran), &ran);
        follow(run(world, "door.open", nothing, &rejected), &rejected);
        (void) snprintf(path, sizeof path, "%s/note", world->directory);
        _cleanup_(fd_closep) int fd = run(world, "fs.write", write, &waiting);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (metric(world, DISPATCH, rows[i].key) < rows[i].value)
                        fail_msg("%s is %g", rows[i].key, metric(world, DISPATCH, rows[i].key));
        assert_true(metric(world, LEDGER, "requests_accepted_total") == 1);
        assert_true(metric(world, LEDGER, "replays_blocked_total") == 0);
}

/* Writes the signed request to a file, whose path the caller frees. */
static char *save_request(const RunWorld *world, const char *id, const char *name)
{
        sd_bus_message *call = new_dispatch_call(world, "GetRequest");

        assert_ok(sd_bus_message_append(call, "s", id));
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = finish_call(world->client, call, NULL);
        write_state_file(world->ledger, name, dictionary_text(reply, "request"));
        return text_of("%s/%s", world->ledger->directory, name);
}

/* What was used is recognised by its nonce; what never was is rejected as well, and nothing runs. */
static void test_replay(void **state)
{
        RunWorld *world = *state;
        char path[160], *ls[] = { (char *) "ls", (char *) "--", (char *) "/home", NULL },
                        *note[] = { path, NULL };
        _cleanup_(outcome_done) Outcome ran = { .id = "" }, waits = { .id = "" };

        follow(run(world, "shell.exec", ls, &ran), &ran);
        _cleanup_(freep) char *used = save_request(world, ran.id, "used.json");
        double accepted = metric(world, LEDGER, "requests_accepted_total");
        _cleanup_(run_done) Run blocked = run_words(world, "replay-test", used);
        assert_true(startswith(blocked.output, "dev-a rejects it as a replay: nonce_replay, entry "));
        assert_int_equal(blocked.status, 0);
        _cleanup_(run_done) Run json = run_words(world, "replay-test", "--json", used);
        assert_has(json.output, "\"device\":\"dev-a\",\"blocked\":true,\"state\":\"rejected\",\"reason\":"
                                "\"nonce_replay\",\"audit_entry\":");
        assert_true(metric(world, LEDGER, "replays_blocked_total") == 2);
        assert_true(metric(world, DISPATCH, "replays_blocked_total") == 2);
        _cleanup_(run_done) Run tail = run_words(world, "audit", "tail");
        assert_has(tail.output, " rejected_nonce nonce_replay ");
        _cleanup_(freep) char *log = test_bus_read_log(world->ledger->bus, DISPATCH);
        assert_has(log, " to dev-a: rejected, nonce_replay\n");

        (void) snprintf(path, sizeof path, "%s/note", world->directory);
        _cleanup_(fd_closep) int fd = run(world, "fs.write", note, &waits);
        _cleanup_(freep) char *unused = save_request(world, waits.id, "unused.json");
        _cleanup_(run_done) Run expired = run_words(world, "replay-test", unused);
        assert_has(expired.output, "devboxctl: dev-a did not reject it as a replay: ");
        assert_int_equal(expired.status, 1);
        assert_true(metric(world, LEDGER, "requests_accepted_total") == accepted);

        write_state_file(world->ledger, "manifest.json", world->manifest);
        _cleanup_(freep) char *manifest = text_of("%s/manifest.json", world->ledger->directory);
        _cleanup_(run_done) Run foreign = run_words(world, "replay-test", manifest);
        assert_has(foreign.output, "devboxctl: ");
        assert_int_equal(foreign.status, 1);
        verify_chain(world->ledger);
}

/* The ledger of this test witnesses no chain. */
static void test_fleet(void **state)
{
        RunWorld *world = *state;
        char path[160], *ls[] = { (char *) "ls", (char *) "/home", NULL }, *write[] = { path, NULL };
        _cleanup_(outcome_done) Outcome outcome = { .id = "" }, waiting = { .id = "" };

        _cleanup_(run_done) Run idle = run_words(world, "fleet");
        assert_has(idle.output, "\ndev-a online never v7, expired - 0 entries\n");
        follow(run(world, "shell.exec", ls, &outcome), &outcome);
        (void) snprintf(path, sizeof path, "%s/note", world->directory);
        _cleanup_(fd_closep) int fd = run(world, "fs.write", write, &waiting);
        _cleanup_(run_done) Run busy = run_words(world, "fleet");
        assert_has(busy.output, " 1 approving ");
        assert_has(busy.output, " not witnessed\n");
        _cleanup_(run_done) Run queued = run_words(world, "run", "--queue", "dev-a", "ls", "--", "/home");
        assert_true(startswith(queued.output, "queued for dev-a: request "));
        assert_has(queued.output, " expires in ");
        assert_int_equal(queued.status, 0);
        _cleanup_(run_done) Run json = run_words(world, "fleet", "--json");
        assert_true(startswith(json.output, "{\"devices\":[{\"name\":\"dev-a\",\"address\":\"127.0.0.1\","));
        assert_has(json.output, "\"approving\":1,\"queued\":0,\"running\":0,\"audit_entries\":");
}

/* What a file may hold: control characters, NUL, what is not UTF-8, a line without an end. */
static void test_any_output(void **state)
{
        static const char bytes[] = "\x1b[2J\x1b]0;title\a\r\b\0\xff\xfe\xc3(\xc2\x9b"
                                    "31m\n";
        static char line[256 * 1024];
        const Bytes contents[] = { BYTES(bytes, sizeof bytes), BYTES(line, sizeof line) };
        RunWorld *world = *state;
        char path[160], base64[BASE64_SIZE(sizeof bytes)], *words[] = { path, NULL };

        memset(line, 'x', sizeof line);
        (void) snprintf(path, sizeof path, "%s/file", world->directory);
        for (size_t i = 0; i < ELEMENTSOF(contents); i++) {
                _cleanup_(outcome_done) Outcome outcome = { .id = "" };

                assert_ok(file_write(path, FILE_REPLACE, 0600, contents[i]));
                follow(run(world, "fs.read", words, &outcome), &outcome);
                assert_end(world, &outcome, "\"exit_code\":0");
                /* The entry's limit. */
                assert_true(bytes_equal(BYTES(outcome.out.data, outcome.out.size),
                                        BYTES(contents[i].data, MIN(contents[i].size, 65536U))));
        }

        assert_ok(file_write(path, FILE_REPLACE, 0600, contents[0]));
        base64_format(contents[0], base64);
        _cleanup_(run_done) Run json = run_words(world, "--json", "run", "dev-a", "--read", path);
        assert_has(json.output, base64);
        verify_chain(world->ledger);
}

/* A terminal does not get what could change it. */
static void test_output_on_a_terminal(void **state)
{
        RunWorld *world = *state;
        char path[160];
        const char *const words[] = { "run", "dev-a", "--read", path, NULL };

        (void) snprintf(path, sizeof path, "%s/file", world->directory);
        assert_ok(file_write(path, FILE_REPLACE, 0600,
                             bytes_of_string("a\x1b[2J\tb \xc3\xa9\xc2\x9b\x7f\rc\n")));
        _cleanup_(run_done) Run run = run_ctl_on_terminal(world->ledger->bus, words, "");
        assert_int_equal(run.status, 0);
        assert_has(run.output, "a?[2J\tb \xc3\xa9");
        assert_null(strpbrk(run.output, "\x1b\x7f"));
        assert_null(strstr(run.output, "\xc2\x9b"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                run_world_test(test_output_and_exit),
                run_world_test(test_rejections),
                run_world_test(test_a_worker_that_says_nothing),
                run_world_test(test_approval),
                run_world_test(test_signed_approval),
                run_world_test(test_hanging_up_cancels),
                run_world_test(test_agent_that_dies),
                run_world_test(test_worker_that_is_off),
                run_world_test(test_fleet),
                run_world_test(test_metrics),
                run_world_test(test_replay),
                run_world_test(test_running_request_outlives_the_dispatcher),
                run_world_test(test_31_withdrawn),
                run_world_test(test_any_output),
                run_world_test(test_output_on_a_terminal),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
