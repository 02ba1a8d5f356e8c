/* SPDX-License-Identifier: MIT */
/* Crashes of a ledger: at every single step of its writing, with and without the loss of what was
 * not synced, and many times at random. Afterwards, always:
 *
 *     the chain holds together · every entry that was answered for is there · nothing was accepted twice ·
 *     what is behind an entry is there if the entry is
 *
 * $DEVBOX_CRASH_ROUNDS: how many random crashes, if it is set. */

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fault-vfs.h"
#include "ledger-world.h"
#include "worker-stub.h"

/* What the child reports once the ledger has answered. */
typedef struct Report {
        uint32_t n; /* the sibling */
        uint32_t outcome;
        uint64_t size; /* of the chain, after it */
        Sha256 head;
} Report;

#define REPORTS_MAX 4096

#ifdef __SANITIZE_ADDRESS__ /* which makes each process slow */
#define ROUNDS 100
#else
#define ROUNDS 1000
#endif

/* ---- in the child */

static void send_report(const LedgerWorld *world, int fd, uint32_t n, LedgerOutcome outcome)
{
        LedgerStatus status;

        ledger_status(world->ledger, &status);
        Report report = { .n = n, .outcome = outcome, .size = status.size, .head = status.head };
        (void) !write(fd, &report, sizeof report); /* atomic: below PIPE_BUF */
}

/* Any failure ends the child: it is not the disk's fault here. */
static LedgerOutcome put_sibling(LedgerWorld *world, uint32_t n)
{
        _cleanup_(signed_bundle_done) SignedBundle bundle = { 0 };
        LedgerAnswer answer = LEDGER_ANSWER_NULL;
        Sibling sibling;

        sibling_init(&sibling, n);
        signed_bundle(&world->made, &(Case){ .request = { sibling.edits[0], sibling.edits[1] } }, &bundle);
        ledger_world_put(world, &bundle, &answer);
        if (answer.outcome == LEDGER_DENIED)
                _exit(3);

        LedgerOutcome outcome = answer.outcome;
        ledger_answer_done(&answer);
        return outcome;
}

static void run_one(LedgerWorld *world, int fd, uint32_t n)
{
        _cleanup_(freep) char *result = NULL;
        Sibling sibling;

        LedgerOutcome outcome = put_sibling(world, n);
        send_report(world, fd, n, outcome);
        if (outcome != LEDGER_ACCEPTED)
                return;

        sibling_init(&sibling, n);
        if (worker_stub_start(world, sibling.id) != 0)
                _exit(4);
        send_report(world, fd, n, LEDGER_KNOWN);
        if (worker_stub_finish(world, sibling.id, RESULT_FINISHED, &result) != 0)
                _exit(5);
        send_report(world, fd, n, LEDGER_KNOWN);
}

/* Repeated requests, and new ones from `first` on. */
static void run_many(LedgerWorld *world, int fd, uint32_t first, uint32_t seed)
{
        ledger_world_open(world);
        ledger_world_begin_session(world);
        for (uint32_t n = first;; n++) {
                _cleanup_(freep) char *checkpoint = NULL;

                run_one(world, fd, n);
                seed = seed * 1103515245 + 12345;
                run_one(world, fd, (seed >> 8) % (n + 1));
                if (seed >> 28 == 0 && ledger_flush(world->ledger, &checkpoint) != 0)
                        _exit(6);
        }
}

/* Everything that a ledger does, once. */
static void run_all_kinds(LedgerWorld *world, int fd)
{
        _cleanup_(freep) char *checkpoint = NULL;

        ledger_world_open(world);
        ledger_world_enroll(world);
        ledger_world_install(world);
        ledger_world_begin_session(world);
        for (uint32_t n = 0; n < 3; n++)
                run_one(world, fd, n);
        if (ledger_world_judge(world, &(Case){ .request = { { "dev-a", "dev-b" } } }) !=
            DEVBOX_ERROR_WRONG_DEVICE)
                _exit(7);
        send_report(world, fd, 0, LEDGER_KNOWN);
        if (ledger_flush(world->ledger, &checkpoint) != 0)
                _exit(8);
        (void) put_sibling(world, 3);
        ledger_world_close(world);
        ledger_world_open(world);
        send_report(world, fd, 3, LEDGER_KNOWN);
        ledger_world_close(world);
}

/* ---- in the parent */

typedef struct Crashes {
        LedgerWorld *world;
        ChainCursor walk;    /* what was verified so far */
        uint8_t *accepted;   /* of each sibling: whether it was */
        uint32_t n_siblings; /* those that were tried */
        uint64_t n_reports;
} Crashes;

static int verify_next(const AuditEntry *entry, void *userdata)
{
        Crashes *crashes = userdata;
        int fault = chain_cursor_next(&crashes->walk, entry);

        if (fault != 0)
                fail_msg("entry %llu: %s", (unsigned long long) entry->seq,
                         audit_fault_sentence((AuditFault) fault));
        return 0;
}

typedef struct Wanted {
        const Report *reports;
        size_t n, found;
} Wanted;

static int match_report(const AuditEntry *entry, void *userdata)
{
        Wanted *wanted = userdata;

        for (size_t i = 0; i < wanted->n; i++)
                if (wanted->reports[i].size == entry->seq + 1) {
                        assert_true(sha256_equal(&wanted->reports[i].head, &entry->hash));
                        wanted->found++;
                }
        return 0;
}

static void record_report(Crashes *crashes, const Report *report)
{
        if (report->n >= crashes->n_siblings) {
                crashes->accepted = realloc(crashes->accepted, report->n + 1);
                assert_non_null(crashes->accepted);
                memset(crashes->accepted + crashes->n_siblings, 0, report->n + 1 - crashes->n_siblings);
                crashes->n_siblings = report->n + 1;
        }
        if (report->outcome == LEDGER_ACCEPTED) {
                if (crashes->accepted[report->n])
                        fail_msg("request %u was accepted twice", report->n);
                crashes->accepted[report->n] = true;
        }
        crashes->n_reports++;
}

/* Checks what the killed process left. */
static void check(Crashes *crashes, const Report *reports, size_t n)
{
        LedgerWorld *world = crashes->world;
        LedgerStatus status;
        uint64_t first = n > 0 ? reports[0].size - 1 : 0;
        Wanted wanted = { reports, n, 0 };

        for (size_t i = 0; i < n; i++)
                record_report(crashes, &reports[i]);

        ledger_world_open(world);
        ledger_status(world->ledger, &status);
        if (status.device[0] == '\0') {
                assert_int_equal(n, 0);
                ledger_world_close(world);
                return;
        }
        if (crashes->walk.size == 0)
                chain_cursor_begin(&crashes->walk, &status.chain, status.device);
        assert_ok(ledger_export(world->ledger,
                                &(ChainRange){ .from = crashes->walk.size, .max = UINT64_MAX }, verify_next,
                                crashes));
        assert_true(crashes->walk.size == status.size);
        assert_ok(ledger_export(world->ledger, &(ChainRange){ .from = first, .max = UINT64_MAX },
                                match_report, &wanted));
        assert_int_equal(wanted.found, n);
        ledger_world_close(world);
}

/* All reports of the killed process. */
static size_t read_reports(int fd, Report reports[static REPORTS_MAX])
{
        size_t n = 0;

        while (n < REPORTS_MAX) {
                ssize_t size = read(fd, &reports[n], sizeof reports[n]);
                if (size == 0)
                        break;
                assert_int_equal(size, sizeof reports[n]);
                n++;
        }

        return n;
}

/* Of a closed ledger, all whose entries about roots, manifests and requests are with evidence: nothing is
 * there without the other. */
static void check_evidence(const LedgerWorld *world)
{
        static const char sql[] = "SELECT (SELECT count(*) FROM audit WHERE type IN (3, 4, 5)) -"
                                  " (SELECT count(*) FROM evidence)";

        assert_int_equal(ledger_world_query(world, sql), 0);
}

/* ---- tests */

static void crash_at_every_step(LedgerWorld *world, Fault fault)
{
        bool survived = false;
        uint64_t at;

        for (at = 1; !survived; at++) {
                static Report reports[REPORTS_MAX];
                int fds[2], status;

                void *fresh = NULL;
                assert_int_equal(ledger_world_up_empty(&fresh), 0);
                Crashes crashes = { .world = fresh };
                ledger_world_close(crashes.world);
                assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
                pid_t pid = fork();
                assert_true(pid >= 0);
                if (pid == 0) {
                        fault_vfs_arm(fault, at, at);
                        run_all_kinds(crashes.world, fds[1]);
                        _exit(0);
                }

                (void) close(fds[1]);
                size_t n = read_reports(fds[0], reports);
                (void) close(fds[0]);
                assert_int_equal(waitpid(pid, &status, 0), pid);
                survived = WIFEXITED(status) && WEXITSTATUS(status) == 0;
                if (!survived && !WIFSIGNALED(status))
                        fail_msg("step %llu: it ended with %d", (unsigned long long) at,
                                 WEXITSTATUS(status));
                check(&crashes, reports, n);
                check_evidence(crashes.world);
                free(crashes.accepted);
                assert_int_equal(ledger_world_down(&fresh), 0);
        }
        assert_true(at > 40);
        print_message("# crashed at each of %llu steps\n", (unsigned long long) at - 2);
}

static void test_kill_at_every_step(void **state)
{
        crash_at_every_step(*state, FAULT_KILL);
}

static void test_power_loss_at_every_step(void **state)
{
        crash_at_every_step(*state, FAULT_POWER);
}

static void test_kill_at_random(void **state)
{
        static Report reports[REPORTS_MAX];
        Crashes crashes = { .world = *state };
        const char *text = getenv("DEVBOX_CRASH_ROUNDS");
        uint32_t rounds = text ? (uint32_t) strtoul(text, NULL, 10) : ROUNDS, seed = 1;

        ledger_world_close(crashes.world);
        for (uint32_t round = 0; round < rounds; round++) {
                int fds[2], status;

                seed = seed * 1103515245 + 12345;
                assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
                pid_t pid = fork();
                assert_true(pid >= 0);
                if (pid == 0)
                        run_many(crashes.world, fds[1], crashes.n_siblings, seed);

                (void) close(fds[1]);
                struct timespec delay = { 0, (long) ((seed >> 16) % 40000) * 1000 };
                (void) nanosleep(&delay, NULL);
                assert_int_equal(kill(pid, SIGKILL), 0);
                size_t n = read_reports(fds[0], reports);
                (void) close(fds[0]);
                assert_int_equal(waitpid(pid, &status, 0), pid);
                if (!WIFSIGNALED(status))
                        fail_msg("round %u: it ended with %d", round, WEXITSTATUS(status));
                check(&crashes, reports, n);
        }
        check_evidence(crashes.world);
        print_message("# %u crashes, %llu answers, %llu entries\n", rounds,
                      (unsigned long long) crashes.n_reports, (unsigned long long) crashes.walk.size);
        free(crashes.accepted);
}

/* ---- a disk that fails */

static void test_failing_disk_denies_requests(void **state)
{
        static const Fault faults[] = { FAULT_FULL, FAULT_WRITE, FAULT_SYNC };
        LedgerWorld *world = *state;
        uint32_t n = 0;

        for (size_t i = 0; i < ELEMENTSOF(faults); i++)
                for (uint64_t at = 1; at < 12; at++) {
                        Sibling sibling;
                        uint64_t size = ledger_world_size(world);

                        sibling_init(&sibling, ++n);
                        fault_vfs_arm(faults[i], at, 0);
                        int error = ledger_world_judge(
                                world, &(Case){ .request = { sibling.edits[0], sibling.edits[1] } });
                        fault_vfs_arm(FAULT_NONE, 0, 0);
                        if (error != 0) {
                                assert_int_equal(error, DEVBOX_ERROR_AUDIT_UNAVAILABLE);
                                assert_true(ledger_world_size(world) == size);
                                assert_int_equal(worker_stub_start(world, sibling.id),
                                                 DEVBOX_ERROR_REQUEST_UNKNOWN);
                                /* It was not used up: once there is room, it is accepted. */
                                assert_int_equal(ledger_world_judge(
                                                         world, &(Case){ .request = { sibling.edits[0],
                                                                                      sibling.edits[1] } }),
                                                 0);
                        }
                }
        ledger_world_verify(world);
        ledger_world_close(world);
        check_evidence(world);
        ledger_world_open(world);
        ledger_world_verify(world);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                ledger_test(test_kill_at_every_step),
                ledger_test(test_power_loss_at_every_step),
                ledger_test(test_kill_at_random),
                ledger_test(test_failing_disk_denies_requests),
        };

        /* The loss of unsynced data is simulated, so no disk is needed. */
        if (access("/dev/shm", W_OK) == 0)
                (void) setenv("TMPDIR", "/dev/shm", 1);
        fault_vfs_install();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
