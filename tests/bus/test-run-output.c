/* SPDX-License-Identifier: MIT */
/* A long output comes through whole, also to a client that reads late, and no daemon on its way grows with
 * it. $DEVBOX_OUTPUT, in MiB, makes it a benchmark, which prints its rate: of the daemons alone, for nothing
 * is between them but loopback. */

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "basic/fd.h"
#include "basic/file.h"
#include "basic/parse.h"
#include "basic/time.h"
#include "crypto/sha256.h"
#include "proto/frames.h"
#include "run-calls.h"

#define BLOCK          ((size_t) 32 * 1024)
#define BLOCKS_PER_MIB 32
#define PAUSED_BLOCKS  ((size_t) 256) /* 8 MiB: more than all sockets on the way hold */
#define PAUSE_SEC      35
#define AGENT_RUNS_MAX 8
#ifdef __SANITIZE_ADDRESS__ /* which keeps what was freed */
#define GROWTH_MAX_KIB (64 * 1024)
#else
#define GROWTH_MAX_KIB 1024
#endif

static uint64_t n_mib = 4;

/* What is received, without keeping it. */
typedef struct Received {
        Frames frames;
        uint64_t size;
        Sha256State digest;
        bool ended;
} Received;

static int on_frame(char type, Bytes payload, void *userdata)
{
        Received *received = userdata;

        received->ended = type == 'R';
        if (type == 'O') {
                received->size += payload.size;
                sha256_update(&received->digest, payload);
        }
        return 0;
}

static void receive(int take_fd, Received *received)
{
        _cleanup_(fd_closep) int fd = take_fd;
        const struct timeval timeout = { .tv_sec = TEST_DEADLINE_SEC };
        static uint8_t piece[64 * 1024];

        sha256_init(&received->digest);
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout), 0);
        while (!received->ended) {
                ssize_t n = TEMP_FAILURE_RETRY(read(fd, piece, sizeof piece));

                assert_true(n > 0);
                assert_ok(frames_feed(&received->frames, BYTES(piece, (size_t) n), on_frame, received));
        }
        frames_done(&received->frames);
}

/* ---- memory */

typedef struct Memory {
        const TestDaemon *daemon;
        uint64_t kib; /* before */
} Memory;

static void proc_path(const TestDaemon *daemon, const char *name, char ret_path[static 64])
{
        (void) snprintf(ret_path, 64, "/proc/%d/%s", (int) daemon->pid, name);
}

/* "VmRSS:", "VmHWM:", in KiB. */
static uint64_t read_status(const TestDaemon *daemon, const char *key)
{
        _cleanup_(freep) char *text = NULL;
        char path[64];
        size_t size;

        proc_path(daemon, "status", path);
        assert_ok(fd_read_file_at(AT_FDCWD, path, 16 * 1024, &text, &size));
        const char *at = strstr(text, key);
        assert_non_null(at);
        return strtoull(at + strlen(key), NULL, 10);
}

/* From here on, VmHWM is the peak. */
static void memory_start(Memory *memory, const TestDaemon *daemon)
{
        char path[64];

        *memory = (Memory){ .daemon = daemon, .kib = read_status(daemon, "VmRSS:") };
        proc_path(daemon, "clear_refs", path);
        _cleanup_(fd_closep) int fd = assert_ok(open(path, O_WRONLY | O_CLOEXEC));
        assert_ok(fd_write_all(fd, bytes_of_string("5")));
}

static void memory_check(const Memory *memory)
{
        uint64_t peak = read_status(memory->daemon, "VmHWM:"), growth = peak - MIN(memory->kib, peak);

        print_message("# %s grew by %llu KiB\n", memory->daemon->name, (unsigned long long) growth);
        if (growth > GROWTH_MAX_KIB)
                fail_msg("%s grew by %llu KiB", memory->daemon->name, (unsigned long long) growth);
}

/* ---- */

static int up(void **state)
{
        const char *mib = getenv("DEVBOX_OUTPUT");

        if (mib)
                assert_ok(parse_u64(mib, 1, 64, &n_mib));
        return run_world_up(state);
}

/* So many blocks that differ. Returns the digest of the whole. */
static Sha256 make_file(const char *path, size_t n)
{
        _cleanup_(fd_closep) int fd = assert_ok(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
        static uint64_t block[BLOCK / sizeof(uint64_t)];
        Sha256State state;
        Sha256 digest;

        sha256_init(&state);
        for (uint64_t i = 0; i < n; i++) {
                for (size_t j = 0; j < ELEMENTSOF(block); j++)
                        block[j] = (i * ELEMENTSOF(block) + j) * UINT64_C(0x9e3779b97f4a7c15);
                assert_ok(fd_write_all(fd, BYTES_OF(block)));
                sha256_update(&state, BYTES_OF(block));
        }
        sha256_final(&state, &digest);
        return digest;
}

/* All that make_file() wrote, and nothing else. */
static void assert_whole(const Received *received, size_t n_blocks, const Sha256 *wanted)
{
        Sha256State state = received->digest;
        Sha256 digest;

        assert_int_equal(received->size, n_blocks * BLOCK);
        sha256_final(&state, &digest);
        assert_true(sha256_equal(&digest, wanted));
}

static void test_long_output(void **state)
{
        RunWorld *world = *state;
        const TestDaemon *daemons[] = { world->agent, world->dispatch, world->ledger->daemon };
        _cleanup_(outcome_done) Outcome outcome = { .id = "" };
        char path[160], *words[] = { (char *) "cat", path, NULL };
        Memory memory[ELEMENTSOF(daemons)];
        Received received = { .size = 0 };

        (void) snprintf(path, sizeof path, "%s/long", world->directory);
        Sha256 wanted = make_file(path, n_mib * BLOCKS_PER_MIB);
        run_ls(world, "\"state\":\"finished\""); /* the daemons become as large as they are at work */
        for (size_t i = 0; i < ELEMENTSOF(daemons); i++)
                memory_start(&memory[i], daemons[i]);

        usec_t began = time_now(CLOCK_MONOTONIC);
        receive(run(world, "shell.exec", words, &outcome), &received);
        print_message("# {\"kind\":\"pipeline\",\"mib\":%llu,\"mb_per_s\":%.1f}\n",
                      (unsigned long long) n_mib,
                      (double) received.size / (double) (time_now(CLOCK_MONOTONIC) - began));
        assert_string_equal(wait_end(world, outcome.id), "finished");
        assert_whole(&received, n_mib * BLOCKS_PER_MIB, &wanted);
        for (size_t i = 0; i < ELEMENTSOF(daemons); i++)
                memory_check(&memory[i]);
        verify_chain(world->ledger);
}

/* It has ended before a byte is read: more than the socket holds, less than what makes the device wait. */
static void test_client_that_reads_late(void **state)
{
        RunWorld *world = *state;
        _cleanup_(outcome_done) Outcome outcome = { .id = "" };
        char path[160], *words[] = { (char *) "cat", path, NULL };
        Received received = { .size = 0 };

        (void) snprintf(path, sizeof path, "%s/late", world->directory);
        Sha256 wanted = make_file(path, 7);
        int fd = run(world, "shell.exec", words, &outcome);
        assert_string_equal(wait_end(world, outcome.id), "finished");
        receive(fd, &received);
        assert_whole(&received, 7, &wanted);
}

/* Fills every buffer on the way, and reads nothing for longer than a peer may be silent. */
static void test_client_that_pauses(void **state)
{
        RunWorld *world = *state;
        _cleanup_(outcome_done) Outcome outcome = { .id = "" };
        char path[160], *words[] = { (char *) "cat", path, NULL };
        Received received = { .size = 0 };

        (void) snprintf(path, sizeof path, "%s/paused", world->directory);
        Sha256 wanted = make_file(path, PAUSED_BLOCKS);
        int fd = run(world, "shell.exec", words, &outcome);
        wait_state(world, outcome.id, "running");
        assert_int_equal(sleep(PAUSE_SEC), 0);
        wait_state(world, outcome.id, "running");
        receive(fd, &received);
        assert_string_equal(wait_end(world, outcome.id), "finished");
        assert_whole(&received, PAUSED_BLOCKS, &wanted);
}

/* Whoever does not read keeps no program beyond its time, and in the end no other request from running. */
static void test_clients_that_never_read(void **state)
{
        static const char *const ended[] = { "\"timeout\"", NULL };
        RunWorld *world = *state;
        _cleanup_(outcome_done) Outcome outcome = { .id = "" }, other = { .id = "" };
        char path[160], *words[] = { (char *) "cat", path, NULL },
                        *ls[] = { (char *) "ls", (char *) "--", (char *) "/home", NULL };
        usec_t deadline = deadline_after(3 * TEST_DEADLINE_SEC * USEC_PER_SEC); /* half a minute is ours */
        int fds[AGENT_RUNS_MAX];

        (void) snprintf(path, sizeof path, "%s/paused", world->directory);
        (void) make_file(path, PAUSED_BLOCKS);
        run_ls(world, "\"state\":\"finished\"");
        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                fds[i] = run_for(world, 2000, words, &outcome);
        while (count_chain(world, ended) < ELEMENTSOF(fds)) {
                assert_true(deadline_left(deadline) > 0);
                (void) usleep(100000);
        }

        do {
                assert_true(deadline_left(deadline) > 0);
                outcome_done(&other);
                other = (Outcome){ .id = "" };
                follow(run(world, "shell.exec", ls, &other), &other);
        } while (strstr(other.end.data, "\"busy\""));
        assert_end(world, &other, "\"state\":\"finished\"");

        for (size_t i = 0; i < ELEMENTSOF(fds); i++) {
                outcome_done(&outcome);
                outcome = (Outcome){ .id = "" };
                follow(fds[i], &outcome);
                assert_end(world, &outcome, "\"state\":\"timeout\"");
                assert_in_range(outcome.out.size, 1, PAUSED_BLOCKS * BLOCK - 1);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_long_output, up, run_world_down),
                cmocka_unit_test_setup_teardown(test_client_that_reads_late, up, run_world_down),
                cmocka_unit_test_setup_teardown(test_client_that_pauses, up, run_world_down),
                cmocka_unit_test_setup_teardown(test_clients_that_never_read, up, run_world_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
