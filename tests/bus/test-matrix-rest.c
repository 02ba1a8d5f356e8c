/* SPDX-License-Identifier: MIT */
/* devbox-matrix in many rooms, started again and then at rest: what it holds, how soon it is there, and that
 * nothing wakes it but the answer to its one request. $DEVBOX_ROOMS and $DEVBOX_SECONDS of rest make it a
 * benchmark, which prints its figures. */

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>

#include "basic/fd.h"
#include "basic/parse.h"
#include "basic/time.h"
#include "chat-world.h"
#include "e2ee/signing.h"
#include "files.h"
#include "run-calls.h"

#define MATRIX    "org.devbox.Matrix1"
#define N_USERS   20
#define N_DEVICES 3 /* of each */
#define POLL_USEC (30 * USEC_PER_SEC)
#define ROOMS_MAX 10000

static uint64_t n_rooms = 20, rest_sec;

/* ---- the rooms */

/* Keys as a client makes them. */
static void add_device(ChatWorld *world, const char *user_id, const char *device_id)
{
        _cleanup_(ratchet_account_freep) RatchetAccount *account = NULL;
        char curve25519[CURVE25519_TEXT_SIZE], ed25519[ED25519_TEXT_SIZE], names[2][64];
        cJSON *keys = NULL;

        assert_ok(ratchet_account_new(&account));
        assert_ok(ratchet_account_identity(account, curve25519, ed25519));
        (void) snprintf(names[0], sizeof names[0], "curve25519:%s", device_id);
        (void) snprintf(names[1], sizeof names[1], "ed25519:%s", device_id);
        assert_ok(json_pack(&keys, "{user_id:s,device_id:s,algorithms:[s,s],keys:{*:s,*:s}}", user_id,
                            device_id, "m.olm.v1.curve25519-aes-sha2", "m.megolm.v1.aes-sha2", names[0],
                            curve25519, names[1], ed25519));
        assert_ok(json_sign_by_account(keys, user_id, device_id, account));
        assert_ok(object_put(tree_enter(world->server->devices, user_id), device_id, keys));
}

/* As those of an operator's other bots: the daemon is a member, and has nothing to say. */
static void add_rooms(ChatWorld *world)
{
        char user_ids[N_USERS][32], room_id[32], device_id[16];

        for (size_t i = 0; i < N_USERS; i++) {
                (void) snprintf(user_ids[i], sizeof user_ids[i], "@user%zu:x", i);
                for (size_t j = 0; j < N_DEVICES; j++) {
                        (void) snprintf(device_id, sizeof device_id, "DEVICE%zu", j);
                        add_device(world, user_ids[i], device_id);
                }
        }
        for (size_t i = 0; i < n_rooms; i++) {
                (void) snprintf(room_id, sizeof room_id, "!room%zu:x", i);
                room_create(world->server, room_id, NULL);
                for (size_t j = 0; j < N_USERS; j++)
                        room_member(world->server, room_id, user_ids[j], "join");
                room_member(world->server, room_id, BOT, "join");
        }
}

/* ---- the daemon */

/* The number behind the name in a file of the daemon's in /proc. */
static uint64_t read_figure(const ChatWorld *world, const char *file, const char *name)
{
        _cleanup_(freep) char *path = text_of("/proc/%d/%s", (int) world->matrix->pid, file);
        _cleanup_(freep) char *text = NULL;
        size_t size;

        assert_ok(fd_read_file_at(AT_FDCWD, path, 65536, &text, &size));
        const char *at = strstr(text, name);
        assert_non_null(at);
        return strtoull(at + strlen(name), NULL, 10);
}

/* What the server says is about nobody here. Returns how many requests the daemon made until it had nothing
 * to do any more: one, if that was so before. */
static unsigned answer_poll(ChatWorld *world)
{
        unsigned before = world->n_requests;

        homeserver_changed(world->server, "@nobody:x");
        CHAT_UNTIL(world, world->n_requests > before && world->polls);
        return world->n_requests - before;
}

static void wait_for_rest(ChatWorld *world)
{
        CHAT_UNTIL(world,
                   answer_poll(world) == 1 && test_metric(world->run->client, MATRIX, "events_unsent") == 0);
}

/* When the first timer expires that the daemon has armed. */
static usec_t first_timer(const ChatWorld *world)
{
        _cleanup_(freep) char *path = text_of("/proc/%d/fdinfo", (int) world->matrix->pid);
        usec_t first = USEC_INFINITY, now_usec = time_now(CLOCK_MONOTONIC);
        struct dirent *entry;

        DIR *directory = opendir(path);
        assert_non_null(directory);
        while ((entry = readdir(directory))) {
                _cleanup_(freep) char *text = NULL;
                uint64_t sec, nsec;
                size_t size;

                if (entry->d_name[0] == '.' ||
                    fd_read_file_at(dirfd(directory), entry->d_name, 65536, &text, &size) < 0)
                        continue;
                const char *at = strstr(text, "it_value: (");
                if (at && sscanf(at, "it_value: (%" SCNu64 ", %" SCNu64 ")", &sec, &nsec) == 2 &&
                    sec + nsec > 0)
                        first = MIN(first, now_usec + sec * USEC_PER_SEC + nsec / 1000);
        }
        (void) closedir(directory);
        return first;
}

/* Each has a deadline, which is the first that there is: no timer is older. */
static void expect_only_polls(ChatWorld *world)
{
        usec_t before, first;

        /* The calls on the bus of the start end, which have deadlines as well. */
        CHAT_UNTIL(world, (before = first_timer(world)) != USEC_INFINITY &&
                                  before > time_now(CLOCK_MONOTONIC) + POLL_USEC);
        for (int i = 0; i < 3; i++, before = first) {
                assert_int_equal(answer_poll(world), 1);
                /* It may be armed after the request; and libcurl has a short one for a new connection. */
                CHAT_UNTIL(world, (first = first_timer(world)) != USEC_INFINITY &&
                                          first > before + USEC_PER_MSEC &&
                                          first > time_now(CLOCK_MONOTONIC) + USEC_PER_SEC);
                assert_true(first > time_now(CLOCK_MONOTONIC) + POLL_USEC);
        }
}

/* Kills it, and returns how long another one takes to be where it was. */
static usec_t restart(ChatWorld *world)
{
        kill_matrix(world);
        world->polls = false;
        homeserver_changed(world->server, "@nobody:x"); /* its first sync does not wait */

        usec_t began = time_now(CLOCK_MONOTONIC);
        start_matrix(world); /* it may poll before it owns its name */
        CHAT_UNTIL(world, world->polls);
        return time_now(CLOCK_MONOTONIC) - began;
}

/* How often it woke up while its request waited for `sec` seconds. */
static uint64_t rest(ChatWorld *world, uint64_t sec)
{
        usec_t end = deadline_after(sec * USEC_PER_SEC);
        uint64_t before = read_figure(world, "status", "\nvoluntary_ctxt_switches:");
        usec_t left;

        while ((left = deadline_left(end)) > 0)
                assert_ok(sd_event_run(world->event, left));
        return read_figure(world, "status", "\nvoluntary_ctxt_switches:") - before;
}

/* ---- tests */

static void test_rest(void **state)
{
        ChatWorld *world = *state;

        add_rooms(world);
        wait_for_rest(world);
        uint64_t kib = read_figure(world, "smaps_rollup", "\nPss:");
        usec_t start_usec = restart(world);
        wait_for_rest(world);
        uint64_t new_kib = read_figure(world, "smaps_rollup", "\nPss:");
        expect_only_polls(world);
        uint64_t n_wakes = rest(world, rest_sec);
        print_message("# {\"kind\":\"rest\",\"rooms\":%" PRIu64 ",\"devices\":%d,\"pss_kib\":%" PRIu64
                      ",\"new_pss_kib\":%" PRIu64 ",\"start_us\":%" PRIu64 ",\"seconds\":%" PRIu64
                      ",\"wakes\":%" PRIu64 "}\n",
                      n_rooms, N_USERS * N_DEVICES, kib, new_kib, start_usec, rest_sec, n_wakes);
}

static void get_number(const char *name, uint64_t max, uint64_t *number)
{
        const char *text = getenv(name);

        if (text)
                assert_ok(parse_u64(text, 0, max, number));
}

int main(void)
{
        const struct CMUnitTest tests[] = { chat_world_test(test_rest) };

        get_number("DEVBOX_ROOMS", ROOMS_MAX, &n_rooms);
        get_number("DEVBOX_SECONDS", POLL_USEC / USEC_PER_SEC, &rest_sec);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
