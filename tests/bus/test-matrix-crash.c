/* SPDX-License-Identifier: MIT */
/* devbox-matrix, killed before each of its calls that leave a trace, on the
 * disk, at the homeserver or on the bus, while a command waits for an approval
 * and then runs. After each: the command ran once, and people read each message
 * of it once. $DEVBOX_CRASHES: how many, spread over all calls; 0: at each.
 *
 * And killed by what it reads, again and again: the third process goes on. */

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "basic/fd.h"
#include "basic/parse.h"
#include "chat-world.h"
#include "files.h"
#include "matrix/homeserver-http.h"
#include "matrix/schema.h"
#include "run-calls.h"
#include "store/query.h"

#define N_CRASHES 16
#define NEVER     (1 << 30)
#define HELP      "Write !help for%"
#define THUMB_UP  "\xf0\x9f\x91\x8d"
#define KILLER    "!kill-me"

static struct Crash {
        ChatWorld *world;
        atomic_int *left; /* kill-at.c */
        char variable[160];
        int process_fd, at; /* the call that it does not survive */
        bool killed;
} crash;

/* ---- the daemon */

static void start(void)
{
        (void) setenv("KILL_AT", strchr(crash.variable, '=') + 1, 1);
        (void) setenv("KILL_AT_TEXT", KILLER, 1);
        (void) setenv("LD_PRELOAD", BUILD_DIR "/tests/bus/libkill-at.so", 1);
        (void) setenv("ASAN_OPTIONS", "verify_asan_link_order=0", 1);
        start_matrix(crash.world);
        (void) unsetenv("LD_PRELOAD");
        crash.process_fd = assert_ok((int) syscall(SYS_pidfd_open, crash.world->matrix->pid, 0));
}

static void stop(void)
{
        (void) fd_close(crash.process_fd);
        test_daemon_free(crash.world->matrix);
}

/* Whether it was killed; another one was started then, which lives on. */
static bool restart_if_killed(void)
{
        struct pollfd polled = { crash.process_fd, POLLIN, 0 };

        if (poll(&polled, 1, 0) == 0)
                return false;
        assert_int_equal(test_daemon_wait(crash.world->matrix), 128 + SIGKILL);
        atomic_store(crash.left, 0);
        stop();
        start();
        return true;
}

/* ---- its store */

static Database *open_store(void)
{
        _cleanup_(freep) char *path =
                text_of("%s/matrix.db", strchr(crash.world->directory_variable, '=') + 1);
        Database *database = NULL;

        assert_ok(matrix_database_open(path, &database));
        return database;
}

static void expect_count(int64_t n, const char *sql)
{
        _cleanup_(database_closep) Database *database = open_store();
        int64_t count = -1;

        assert_ok(query_integer(database, &count, sql, ""));
        if (count != n)
                fail_msg("%s: %d, not %d", sql, (int) count, (int) n);
}

/* ---- a command */

/* Messages that are LIKE this, once there are `n`; more of them are a failure, as is the deadline. */
static void wait_for(const char *pattern, unsigned n)
{
        usec_t end = deadline_after(TEST_DEADLINE_SEC * USEC_PER_SEC);
        unsigned heard;

        while ((heard = chat_read(crash.world, pattern)) < n && deadline_left(end) > 0) {
                crash.killed |= restart_if_killed();
                chat_turn(crash.world);
        }
        if (heard != n)
                fail_msg("at call %d: %u messages of %u are %s", crash.at, heard, n, pattern);
}

/* Writes a file, and returns whether the daemon was killed at its call `at`. */
static bool crash_at(int at)
{
        static unsigned n_commands;
        _cleanup_(freep) char *name = text_of("file%03u", n_commands++);
        _cleanup_(freep) char *line = text_of("!fs.write %s/%s hello", crash.world->run->directory, name);
        _cleanup_(freep) char *path = text_of("%s/%s", crash.world->run->directory, name);
        _cleanup_(freep) char *asked = text_of("%%asks dev-a for:_fs.write %%%s%%", name);

        crash.at = at;
        crash.killed = false;
        atomic_store(crash.left, at);
        peer_say(crash.world->ana, ROOM, line);
        wait_for(asked, 1);
        assert_int_equal(access(path, F_OK), -1);
        (void) chat_react(crash.world, asked, THUMB_UP);
        wait_for("______ approved by @ana:x, done%", n_commands);
        wait_for("%dev-a%fs.write%exit 0%", n_commands);
        wait_for(asked, 1);
        assert_ok(access(path, F_OK));
        assert_int_equal(count_all_requests(crash.world->run), n_commands);
        return crash.killed;
}

static int at_each_call(void)
{
        int at = 1;

        while (crash_at(at))
                at++;
        return at - 1;
}

static int at_some_calls(uint64_t n)
{
        uint64_t n_killed = 0;

        assert_false(crash_at(NEVER)); /* has more calls than later ones: keys are shared */
        assert_false(crash_at(NEVER));
        int n_calls = NEVER - atomic_load(crash.left);
        for (uint64_t i = 0; i < n; i++)
                n_killed += crash_at(1 + (int) (i * (uint64_t) n_calls / n));
        assert_true(n_killed >= n / 2);
        return n_calls;
}

static void test_killed_at_calls(void **state)
{
        const char *text = getenv("DEVBOX_CRASHES");
        uint64_t n = N_CRASHES;

        if (text)
                assert_ok(parse_u64(text, 0, INT16_MAX, &n));
        int n_calls = n == 0 ? at_each_call() : at_some_calls(n);
        assert_true(n_calls > N_CRASHES);
        assert_int_equal(peer_parked(crash.world->ana), 0);
        assert_int_equal(crash.world->ana->n_replays + crash.world->ana->n_rejected, 0);
        verify_chain(crash.world->run->ledger);
        print_message("# of %d calls\n", n_calls);
}

/* ---- the help of a room */

/* Ana could not read it, and that is known for long. */
static void forget_help(void)
{
        _cleanup_(database_closep) Database *database = open_store();

        assert_ok(database_run(database, "UPDATE chat_member SET helped = NULL;"
                                         "UPDATE chat_room SET lacking_ms = 1 WHERE kind = 2"));
}

static bool newest_help_is_pinned(unsigned n)
{
        _cleanup_(freep) char *help = NULL;
        const char *pinned = chat_pinned(crash.world, ROOM);

        if (chat_read(crash.world, HELP) < n || !pinned)
                return false;
        assert_int_equal(query_text(crash.world->ana->database, &help,
                                    "SELECT event_id FROM heard WHERE body LIKE '" HELP
                                    "' ORDER BY rowid DESC LIMIT 1",
                                    ""),
                         1);
        return streq(pinned, help);
}

static void expect_pins_of_people(void)
{
        _cleanup_(json_freep) cJSON *content = homeserver_http_pins(crash.world->server, ROOM, NULL);
        const cJSON *pins = object_array(content, "pinned");

        assert_int_equal(cJSON_GetArraySize(pins), 2);
        assert_string_equal(cJSON_GetArrayItem(pins, 0)->valuestring, "$of ana");
}

/* The same of the help: Ana reads it once, and it is pinned in the place of the one before. */
static bool crash_of_help_at(int at)
{
        unsigned n = chat_read(crash.world, HELP) + 1;
        usec_t end = deadline_after(TEST_DEADLINE_SEC * USEC_PER_SEC);

        stop();
        forget_help();
        crash.killed = false;
        atomic_store(crash.left, 0);
        start();
        atomic_store(crash.left, at);
        while (!newest_help_is_pinned(n)) {
                assert_true(deadline_left(end) > 0);
                crash.killed |= restart_if_killed();
                chat_turn(crash.world);
        }
        assert_int_equal(chat_read(crash.world, HELP), n);
        expect_pins_of_people();
        return crash.killed;
}

static void test_help_killed_at_calls(void **state)
{
        cJSON *pins = NULL;

        CHAT_UNTIL(crash.world, newest_help_is_pinned(1));
        assert_ok(json_pack(&pins, "{pinned:[s,s]}", "$of ana", chat_pinned(crash.world, ROOM)));
        room_state(crash.world->server, ROOM, "m.room.pinned_events", "", pins);
        assert_false(crash_of_help_at(NEVER));
        int n_calls = NEVER - atomic_load(crash.left), n_killed = 0;
        for (int i = 0; i < N_CRASHES; i++)
                n_killed += crash_of_help_at(1 + i * n_calls / N_CRASHES);
        assert_true(n_killed >= N_CRASHES / 2);
        print_message("# of %d calls\n", n_calls);
}

/* ---- what no process survives */

/* Lets the daemon receive what waits until it has answered the last command. */
static unsigned count_deaths(unsigned n_answers)
{
        time_t end = time(NULL) + TEST_DEADLINE_SEC;
        unsigned n = 0;

        crash.world->stalls = false;
        while (chat_read(crash.world, "dev-a: online%") < n_answers) {
                assert_true(time(NULL) < end);
                n += restart_if_killed();
                chat_turn(crash.world);
        }
        return n;
}

/* A command between two others, all in one sync. */
static void test_command_that_kills(void **state)
{
        crash.world->stalls = true;
        peer_say(crash.world->ana, ROOM, "!requests");
        peer_say(crash.world->ana, ROOM, KILLER);
        peer_say(crash.world->ana, ROOM, "!status");
        settle(crash.world->server);
        assert_int_equal(count_deaths(1), 2);
        CHAT_UNTIL(crash.world, chat_read(crash.world, "This message cannot be processed here%") == 1);
        peer_say(crash.world->ana, ROOM, "!status");
        assert_int_equal(count_deaths(2), 0);
        assert_int_equal(chat_read(crash.world, "This message cannot be processed here%"), 1);
        assert_int_equal(chat_read(crash.world, "dev-a: online%"), 2);
        assert_int_equal(test_metric(crash.world->run->client, "org.devbox.Matrix1", "events_skipped_total"),
                         1);
        expect_count(1, "SELECT count(*) FROM command WHERE line = '!requests'");
        expect_count(3, "SELECT count(*) FROM command");
        expect_count(1, "SELECT count(*) FROM poison WHERE part = 'timeline' AND room_id = '" ROOM
                        "' AND event_id NOT NULL AND error = 0");
        expect_count(1, "SELECT count(*) FROM poison");
}

/* The same of a message to the device, before a command whose key is in the same sync. */
static void test_message_to_device_that_kills(void **state)
{
        cJSON *event = NULL;

        crash.world->stalls = true;
        assert_ok(json_pack(&event, "{type:s,sender:s,content:{algorithm:s,code:s,room_id:s,session_id:s}}",
                            "m.room_key.withheld", "@eve:x", "m.megolm.v1.aes-sha2", "m.unverified", KILLER,
                            "S"));
        homeserver_to_device(crash.world->server, crash.world->bot, event);
        peer_say(crash.world->ana, ROOM, "!status");
        settle(crash.world->server);
        assert_int_equal(count_deaths(1), 2);
        expect_count(1, "SELECT count(*) FROM poison WHERE part = 'to-device' AND event_id IS NULL");
        expect_count(1, "SELECT count(*) FROM poison");
}

/* ---- fixtures */

static int up(void **state)
{
        char path[128];

        assert_int_equal(chat_world_up(state), 0);
        crash = (struct Crash){ .world = *state };
        (void) snprintf(path, sizeof path, "%s/kill-at", crash.world->run->ledger->bus->directory);
        _cleanup_(fd_closep) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        assert_int_equal(ftruncate(fd, sizeof *crash.left), 0);
        crash.left = mmap(NULL, sizeof *crash.left, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        assert_ptr_not_equal(crash.left, MAP_FAILED);
        (void) snprintf(crash.variable, sizeof crash.variable, "KILL_AT=%s", path);
        assert_int_equal(test_daemon_stop(crash.world->matrix), 0);
        test_daemon_free(crash.world->matrix);
        start();
        return 0;
}

static int down(void **state)
{
        (void) fd_close(crash.process_fd);
        (void) munmap(crash.left, sizeof *crash.left);
        return chat_world_down(state);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_killed_at_calls, up, down),
                cmocka_unit_test_setup_teardown(test_help_killed_at_calls, up, down),
                cmocka_unit_test_setup_teardown(test_command_that_kills, up, down),
                cmocka_unit_test_setup_teardown(test_message_to_device_that_kills, up, down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
