/* SPDX-License-Identifier: MIT */
/* A request that waits for an approval and writes a file, while dispatcher, agent, ledger or worker is
 * killed before each of the calls by which it changes something, and then at random ones. After each crash:
 * the file was written at most once, the state that the hub reports agrees with that, and the chain is
 * valid. $DEVBOX_CRASHES: how many at random. */

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "basic/fd.h"
#include "run-calls.h"

#define N_RANDOM 40

typedef enum Victim {
        VICTIM_DISPATCH,
        VICTIM_AGENT,
        VICTIM_LEDGER,
        VICTIM_WORKER,
        _VICTIM_MAX,
} Victim;

static const char *const victim_names[_VICTIM_MAX] = { "dispatch", "agent", "ledger", "worker" };

/* How many calls there are, as the tests at each have found. */
static int n_calls[_VICTIM_MAX];

static struct Crash {
        RunWorld *world;
        atomic_int *left[_VICTIM_MAX]; /* kill-at.c */
        char variable[_VICTIM_MAX][160];
        char *worker_environment[4];
        int inotify_fd; /* the directory that requests write to */
        unsigned n_requests;
} crash;

/* ---- the daemons */

static TestDaemon **daemon_of(Victim victim)
{
        TestDaemon **const daemons[_VICTIM_MAX] = {
                [VICTIM_DISPATCH] = &crash.world->dispatch,
                [VICTIM_AGENT] = &crash.world->agent,
                [VICTIM_LEDGER] = &crash.world->ledger->daemon,
        };

        return daemons[victim];
}

static void start(Victim victim)
{
        (void) setenv("KILL_AT", strchr(crash.variable[victim], '=') + 1, 1);
        (void) setenv("LD_PRELOAD", BUILD_DIR "/tests/bus/libkill-at.so", 1);
        (void) setenv("ASAN_OPTIONS", "verify_asan_link_order=0", 1);
        if (victim == VICTIM_DISPATCH)
                start_dispatch(crash.world);
        else if (victim == VICTIM_AGENT)
                start_agent(crash.world);
        else
                crash.world->ledger->daemon = start_ledger(crash.world->ledger, false);
        (void) unsetenv("LD_PRELOAD");
}

/* Starts again what was killed. */
static void restart(Victim victim)
{
        TestDaemon **daemon = daemon_of(victim);

        if (!daemon)
                return;

        atomic_store(crash.left[victim], 0);
        assert_int_equal(test_daemon_wait(*daemon), 128 + SIGKILL);
        *daemon = test_daemon_free(*daemon);
        start(victim);
}

/* Whether it was killed since it was armed; it no longer will be. */
static bool disarm(Victim victim)
{
        return atomic_exchange(crash.left[victim], 0) <= 0;
}

/* ---- a client that may meet a daemon that is gone */

/* NULL: there was no answer, or `refused` (the name of an error). */
static sd_bus_message *try_call(sd_bus_message *take_call, const char *refused)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = take_call;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *reply = NULL;

        int r = sd_bus_call(crash.world->client, call, 0, &error, &reply);
        if (r < 0 && !sd_bus_error_has_names(&error, SD_BUS_ERROR_NO_REPLY, SD_BUS_ERROR_SERVICE_UNKNOWN,
                                             SD_BUS_ERROR_NAME_HAS_NO_OWNER, refused))
                fail_msg("%s: %s", sd_bus_message_get_member(call), error.name);
        return reply;
}

static bool try_run(const char *path, Outcome *outcome, int *ret_stream_fd)
{
        char *words[] = { (char *) path, (char *) "hello", NULL };
        sd_bus_message *call = new_dispatch_call(crash.world, "Run");
        const char *id;
        int fds[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        assert_ok(sd_bus_message_append(call, "ss", "dev-a", "fs.write"));
        assert_ok(sd_bus_message_append_strv(call, words));
        assert_ok(sd_bus_message_append(call, "a{sv}h", 0, fds[1]));
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = try_call(call, NULL);
        (void) close(fds[1]);
        *ret_stream_fd = fds[0];
        if (!reply)
                return false;

        assert_ok(sd_bus_message_read(reply, "s", &id));
        (void) snprintf(outcome->id, sizeof outcome->id, "%s", id);
        return true;
}

/* Repeated after a crash, it may have been heard already. */
static bool try_approve(const char *id)
{
        sd_bus_message *call = new_dispatch_call(crash.world, "Approve");

        assert_ok(sd_bus_message_append(call, "sa{sv}", id, 0));
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply =
                try_call(call, "org.devbox.Error.RequestState");
        return reply != NULL;
}

/* Reads the stream to its end; starts the victim again if it is killed meanwhile. */
static bool drain(int take_stream_fd, Victim victim)
{
        _cleanup_(fd_closep) int fd = take_stream_fd, process_fd = -EBADF;
        TestDaemon **daemon = daemon_of(victim);
        bool restarted = false;
        char buffer[4096];

        if (daemon)
                process_fd = assert_ok((int) syscall(SYS_pidfd_open, (*daemon)->pid, 0));
        for (;;) {
                struct pollfd polled[] = { { fd, POLLIN, 0 }, { restarted ? -1 : process_fd, POLLIN, 0 } };

                assert_int_not_equal(poll(polled, ELEMENTSOF(polled), TEST_DEADLINE_SEC * 1000), 0);
                if (polled[1].revents != 0) {
                        restart(victim);
                        restarted = true;
                } else if (polled[0].revents != 0 && read(fd, buffer, sizeof buffer) <= 0)
                        return restarted;
        }
}

/* ---- what must hold after each crash */

static unsigned count_executions(const char *name)
{
        union {
                struct inotify_event event;
                char bytes[64 * 1024];
        } buffer;
        unsigned n = 0;
        ssize_t size;

        while ((size = read(crash.inotify_fd, &buffer, sizeof buffer)) > 0)
                for (ssize_t at = 0; at < size;) {
                        const struct inotify_event *event = (const void *) (buffer.bytes + at);

                        n += event->len > 0 && streq(event->name, name);
                        at += (ssize_t) (sizeof *event + event->len);
                }

        return n;
}

/* The newest request, which a dispatcher that died may have accepted without an answer. */
static sd_bus_message *newest_request(void)
{
        sd_bus_message *call = new_dispatch_call(crash.world, "ListRequests");

        assert_ok(sd_bus_message_append(call, "bu", 0, 1));
        return finish_call(crash.world->client, call, NULL);
}

static bool newest_id(char ret_id[static 64])
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = newest_request();
        const char *key, *value;

        assert_ok(sd_bus_message_enter_container(reply, 'a', "a{sv}"));
        if (assert_ok(sd_bus_message_enter_container(reply, 'a', "{sv}")) == 0)
                return false;
        while (assert_ok(sd_bus_message_enter_container(reply, 'e', "sv")) > 0) {
                assert_ok(sd_bus_message_read(reply, "s", &key));
                if (streq(key, "id")) {
                        assert_ok(sd_bus_message_read(reply, "v", "s", &value));
                        (void) snprintf(ret_id, 64, "%s", value);
                        return true;
                }
                assert_ok(sd_bus_message_skip(reply, "v"));
                assert_ok(sd_bus_message_exit_container(reply));
        }

        return false;
}

static void assert_state(const char *state, unsigned executions, const char *what)
{
        static const struct {
                const char *state;
                unsigned min, max;
        } rows[] = {
                { "finished", 1, 1 },  { "interrupted", 0, 0 }, { "interrupted_unknown", 0, 1 },
                { "cancelled", 0, 0 }, { "rejected", 0, 0 },    { "unreachable", 0, 0 },
                { "failed", 0, 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (streq(rows[i].state, state) && executions >= rows[i].min && executions <= rows[i].max)
                        return;

        fail_msg("%s: %s, after %u executions", what, state, executions);
}

/* Returns whether it was killed. */
static bool crash_at(Victim victim, int at)
{
        char name[32], path[160], what[64], before[64] = "", after[64] = "";
        _cleanup_(outcome_done) Outcome outcome = { .id = "" };
        int stream_fd;

        (void) snprintf(what, sizeof what, "%s, killed at its call %d", victim_names[victim], at);
        (void) snprintf(name, sizeof name, "n%u", crash.n_requests++);
        (void) snprintf(path, sizeof path, "%s/%s", crash.world->directory, name);
        (void) newest_id(before);

        atomic_store(crash.left[victim], at);
        bool answered = try_run(path, &outcome, &stream_fd);
        if (answered)
                answered = try_approve(outcome.id);
        bool restarted = drain(stream_fd, victim), killed = disarm(victim);
        if (killed && !restarted)
                restart(victim);

        if (newest_id(after) && !streq(before, after)) {
                if (!answered)
                        (void) try_approve(after);
                const char *state = wait_end(crash.world, after);
                assert_state(state, count_executions(name), what);
        } else
                assert_int_equal(count_executions(name), 0);
        return killed;
}

static void test_at_each_call(Victim victim)
{
        int at = 1;

        while (crash_at(victim, at))
                at++;
        assert_true(at > 3);
        n_calls[victim] = at - 1;
        verify_chain(crash.world->ledger);
}

static void test_dispatch_at_each_call(void **state)
{
        test_at_each_call(VICTIM_DISPATCH);
}

static void test_agent_at_each_call(void **state)
{
        test_at_each_call(VICTIM_AGENT);
}

static void test_ledger_at_each_call(void **state)
{
        test_at_each_call(VICTIM_LEDGER);
}

static void test_worker_at_each_call(void **state)
{
        test_at_each_call(VICTIM_WORKER);
}

static void test_at_random(void **state)
{
        const char *n = getenv("DEVBOX_CRASHES");

        srandom(1);
        for (int i = 0; i < (n ? atoi(n) : N_RANDOM); i++) {
                Victim victim = (Victim) random() % _VICTIM_MAX;

                assert_true(n_calls[victim] > 0);
                (void) crash_at(victim, 1 + (int) random() % n_calls[victim]);
        }
        verify_chain(crash.world->ledger);
}

/* ---- fixtures */

static void prepare(Victim victim)
{
        char path[128];

        (void) snprintf(path, sizeof path, "%s/kill-%s", crash.world->ledger->bus->directory,
                        victim_names[victim]);
        _cleanup_(fd_closep) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        assert_int_equal(ftruncate(fd, sizeof(atomic_int)), 0);
        crash.left[victim] = mmap(NULL, sizeof(atomic_int), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        assert_ptr_not_equal(crash.left[victim], MAP_FAILED);
        (void) snprintf(crash.variable[victim], sizeof crash.variable[victim], "KILL_AT=%s", path);
}

static int up(void **state)
{
        static char preload[] = "LD_PRELOAD=" BUILD_DIR "/tests/bus/libkill-at.so",
                    options[] = "ASAN_OPTIONS=verify_asan_link_order=0";

        assert_int_equal(run_world_up(state), 0);
        crash = (struct Crash){ .world = *state };
        for (Victim victim = 0; victim < _VICTIM_MAX; victim++) {
                TestDaemon **daemon;

                prepare(victim);
                if (!(daemon = daemon_of(victim)))
                        continue;
                assert_int_equal(test_daemon_stop(*daemon), 0);
                *daemon = test_daemon_free(*daemon);
                start(victim);
        }
        memcpy(crash.worker_environment,
               ((char *[]){ preload, options, crash.variable[VICTIM_WORKER], NULL }),
               sizeof crash.worker_environment);
        crash.world->worker_environment = crash.worker_environment;
        crash.inotify_fd = assert_ok(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
        assert_ok(inotify_add_watch(crash.inotify_fd, crash.world->directory, IN_CREATE | IN_MOVED_TO));
        return 0;
}

static int down(void **state)
{
        (void) fd_close(crash.inotify_fd);
        for (Victim victim = 0; victim < _VICTIM_MAX; victim++)
                (void) munmap(crash.left[victim], sizeof(atomic_int));
        return run_world_down(state);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_dispatch_at_each_call, up, down),
                cmocka_unit_test_setup_teardown(test_agent_at_each_call, up, down),
                cmocka_unit_test_setup_teardown(test_ledger_at_each_call, up, down),
                cmocka_unit_test_setup_teardown(test_worker_at_each_call, up, down),
                cmocka_unit_test_setup_teardown(test_at_random, up, down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
