/* SPDX-License-Identifier: MIT */
/* Attacks on a device by who may ask the hub (the numbers are those of tests/ledger/test-attacks.c): each
 * with the reason of its rejection, one entry of the device's chain, and nothing that was run. */

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "basic/fd.h"
#include "basic/file.h"
#include "run-calls.h"

typedef struct Attack {
        const char *capability;
        const char *words[5];
        const char *reason;
} Attack;

static const Attack denied[] = {
        /* 19 */
        { "camera.snapshot", { "/dev/video0" }, "unknown_capability" },
        { "shell.Exec", { "/usr/bin/ls" }, "unknown_capability" },
        { "shell.exec\xe2\x80\x8b", { "/usr/bin/ls" }, "unknown_capability" },
        /* 20 */
        { "shell.exec", { "bash", "-c", "touch canary" }, "binary_not_allowed" },
        { "shell.exec", { "/bin/ls", "--", "/home" }, "binary_not_allowed" },
        /* 21 */
        { "shell.exec", { "ls", "--color=always", "--", "/home" }, "args_denied" },
        { "shell.exec", { "ls", "--", "/home", "/etc/shadow" }, "args_denied" },
        { "shell.exec", { "sleep", "-1" }, "args_denied" },
        { "shell.exec", { "sleep", "1001" }, "args_denied" },
        /* 24 */
        { "shell.exec", { "ls", "--", "$(touch canary)" }, "args_denied" },
        { "shell.exec", { "ls", "--", ";touch canary" }, "args_denied" },
        { "shell.exec", { "ls", "--", "`touch canary`" }, "args_denied" },
        /* 25 */
        { "fs.read", { "/etc/shadow" }, "path_denied" },
        { "fs.read", { "/proc/self/root/etc/shadow" }, "path_denied" },
        { "fs.write", { "/etc/canary" }, "path_denied" },
};

static const char *last_reason(const RunWorld *world, const char *id)
{
        sd_bus_message *call = new_dispatch_call(world, "GetRequest");

        assert_ok(sd_bus_message_append(call, "s", id));
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = finish_call(world->client, call, NULL);
        return dictionary_text(reply, "reason");
}

static bool is_empty(const char *path)
{
        DIR *directory = opendir(path);
        unsigned n = 0;

        assert_non_null(directory);
        while (readdir(directory))
                n++;
        (void) closedir(directory);
        return n == 2;
}

static void attempt(const RunWorld *world, const Attack *attack, Outcome *outcome)
{
        follow(run(world, attack->capability, (char **) attack->words, outcome), outcome);
        (void) wait_end(world, outcome->id);
        if (!streq(last_reason(world, outcome->id), attack->reason) || outcome->out.size > 0)
                fail_msg("%s %s: %s instead of %s; output of %zu bytes", attack->capability,
                         attack->words[0], strempty(outcome->end.data), attack->reason, outcome->out.size);
}

static void test_what_the_device_denies(void **state)
{
        RunWorld *world = *state;
        _cleanup_(outcome_done) Outcome first = { .id = "" };

        attempt(world, &denied[0], &first); /* begins the session */
        for (size_t i = 0; i < ELEMENTSOF(denied); i++) {
                _cleanup_(outcome_done) Outcome outcome = { .id = "" };
                uint64_t size = chain_size(world->ledger);

                attempt(world, &denied[i], &outcome);
                assert_true(chain_size(world->ledger) == size + 1);
                assert_true(is_empty(world->directory));
        }
        verify_chain(world->ledger);
}

/* What the hub cannot make a request of does not reach the device. */
static void test_what_the_hub_refuses(void **state)
{
        static const Attack refused[] = {
                { "shell.exec", { "/usr/../usr/bin/ls", "--", "/home" } },
                { "shell.exec", { "ls", "--", "/home\ntouch canary" } },
                { "shell.exec", { "ls", "--", "\x1b[2J" } },
                { "fs.read", { "/home/../etc/shadow" } },
                { "shell.exec", { NULL } },
                { "", { "ls" } },
        };
        RunWorld *world = *state;
        uint64_t size = chain_size(world->ledger);

        for (size_t i = 0; i < ELEMENTSOF(refused); i++) {
                sd_bus_message *call = new_dispatch_call(world, "Submit");

                assert_ok(sd_bus_message_append(call, "ss", "dev-a", refused[i].capability));
                assert_ok(sd_bus_message_append_strv(call, (char **) refused[i].words));
                assert_ok(sd_bus_message_append(call, "a{sv}", 0));
                sd_bus_message_unref(finish_call(world->client, call, "BadRequest"));
        }
        assert_true(chain_size(world->ledger) == size);
}

/* 25: what only the worker can see. */
static void test_25_planted_files(void **state)
{
        static const char *const names[] = { "link", "second", "directory-link/passwd" };
        RunWorld *world = *state;
        char path[192], other[192];

        (void) snprintf(path, sizeof path, "%s/file", world->directory);
        assert_ok(file_write(path, FILE_REPLACE, 0600, bytes_of_string("secret")));
        (void) snprintf(other, sizeof other, "%s/second", world->directory);
        assert_int_equal(link(path, other), 0);
        (void) snprintf(other, sizeof other, "%s/link", world->directory);
        assert_int_equal(symlink("/etc/passwd", other), 0);
        (void) snprintf(other, sizeof other, "%s/directory-link", world->directory);
        assert_int_equal(symlink("/etc", other), 0);

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                _cleanup_(outcome_done) Outcome outcome = { .id = "" };

                (void) snprintf(path, sizeof path, "%s/%s", world->directory, names[i]);
                attempt(world, &(Attack){ "fs.read", { path }, "path_denied" }, &outcome);
        }
        verify_chain(world->ledger);
}

/* 25: it is not waited for. */
static void test_25_fifo(void **state)
{
        RunWorld *world = *state;
        _cleanup_(outcome_done) Outcome outcome = { .id = "" };
        char path[192];

        (void) snprintf(path, sizeof path, "%s/fifo", world->directory);
        assert_int_equal(mkfifo(path, 0600), 0);
        attempt(world, &(Attack){ "fs.read", { path }, "path_denied" }, &outcome);
}

static uint32_t hang_up(const RunWorld *world, const char *first, const char *second)
{
        sd_bus_message *call = new_dispatch_call(world, "HangUp");
        uint32_t n;

        assert_ok(sd_bus_message_append(call, "as", 2, first, second));
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = finish_call(world->client, call, NULL);
        assert_ok(sd_bus_message_read(reply, "u", &n));
        return n;
}

static bool is_cancelled(void *userdata)
{
        return test_metric(((const RunWorld *) userdata)->client, "org.devbox.Agent1",
                           "runs_cancelled_total") == 1;
}

/* 40: a device that is revoked while a request for it runs and another one waits. What runs ends on the
 * device before it is cut off. */
static void test_40_revoked(void **state)
{
        RunWorld *world = *state;
        char path[160], *words[] = { path, (char *) "hello", NULL };
        _cleanup_(outcome_done) Outcome waiting = { .id = "" }, running = { .id = "" };

        (void) snprintf(path, sizeof path, "%s/note", world->directory);
        int waiting_fd = run(world, "fs.write", words, &waiting), running_fd = start_sleep(world, &running);
        assert_int_equal(hang_up(world, "dev-x", "dev-y"), 0);
        assert_int_equal(test_metric(world->client, "org.devbox.Agent1", "runs_cancelled_total"), 0);
        assert_int_equal(hang_up(world, "dev-x", "dev-a"), 1);
        test_bus_process_until(world->client, is_cancelled, world);
        run_world_revoke(world);
        follow(waiting_fd, &waiting);
        follow(running_fd, &running);
        assert_end(world, &waiting, "\"reason\":\"peer_revoked\"");
        assert_end(world, &running, "\"reason\":\"peer_revoked\"");
        decide(world, "Approve", waiting.id, "PeerRevoked");
        assert_int_equal(access(path, F_OK), -1);
        verify_chain(world->ledger);
}

/* The same where the event is lost, as devbox-mesh died after its journal had the device. */
static void test_40_revoked_without_the_event(void **state)
{
        RunWorld *world = *state;
        _cleanup_(outcome_done) Outcome outcome = { .id = "" };

        int fd = start_sleep(world, &outcome);
        assert_int_equal(hang_up(world, "dev-a", "dev-x"), 1);
        atomic_store(&world->revoked, true);
        test_bus_process_until(world->client, is_cancelled, world);
        test_daemon_free(world->agent); /* out of reach, like a peer that is removed */
        world->agent = NULL;
        world->listen_fd = fd_close(world->listen_fd);
        follow(fd, &outcome);
        assert_end(world, &outcome, "\"state\":\"interrupted_unknown\"");
        assert_end(world, &outcome, "\"reason\":\"peer_revoked\"");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                run_world_test(test_what_the_device_denies),
                run_world_test(test_what_the_hub_refuses),
                run_world_test(test_25_planted_files),
                run_world_test(test_25_fifo),
                run_world_test(test_40_revoked),
                run_world_test(test_40_revoked_without_the_event),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
