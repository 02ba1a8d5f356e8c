/* SPDX-License-Identifier: MIT */
/* Power loss of a device: the ledger's state is on a disk of its own, an image in a loop device. What that
 * has got is copied while it is mounted, without a sync, and is the disk that the device starts from again:
 * whatever was only in memory is lost. */

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "basic/fd.h"
#include "files.h"
#include "run-calls.h"

/* Paths, in static memory: of the image, and of the one after the power loss. */
static char disk[160], crashed[160];

#define run_program(...) run_program_words((const char *const[]){ __VA_ARGS__, NULL })

static bool run_program_words(const char *const *words)
{
        int status;
        pid_t pid = fork();

        if (pid == 0) {
                (void) execvp(words[0], (char *const *) words);
                _exit(127);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void stop_ledger(LedgerBus *ledger)
{
        test_daemon_signal(ledger->daemon, SIGKILL);
        (void) test_daemon_wait(ledger->daemon);
        test_daemon_free(ledger->daemon);
}

/* Moves the state to a disk of its own. */
static int up(void **state)
{
        RunWorld *world;

        assert_int_equal(run_world_up(state), 0);
        world = *state;
        LedgerBus *ledger = world->ledger;
        _cleanup_(freep) char *filled = text_of("%s/filled", ledger->bus->directory);
        (void) snprintf(disk, sizeof disk, "%s/disk", ledger->bus->directory);
        (void) snprintf(crashed, sizeof crashed, "%s/crashed", ledger->bus->directory);

        stop_ledger(ledger);
        int fd = assert_ok(open(disk, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
        assert_int_equal(ftruncate(fd, 256 * 1024 * 1024), 0);
        assert_int_equal(close(fd), 0);
        assert_true(run_program("mkfs.ext4", "-q", "-F", disk));
        assert_int_equal(rename(ledger->directory, filled), 0);
        assert_true(run_program("mkdir", ledger->directory));
        assert_true(run_program("mount", "-o", "loop", disk, ledger->directory));
        assert_true(run_program("cp", "-a", "-T", filled, ledger->directory));
        assert_true(run_program("sync", "-f", ledger->directory));
        ledger->daemon = start_ledger(ledger, false);
        return 0;
}

static int down(void **state)
{
        RunWorld *world = *state;
        LedgerBus *ledger = world->ledger;

        stop_ledger(ledger);
        ledger->daemon = NULL;
        assert_int_equal(umount2(ledger->directory, MNT_DETACH), 0);
        return run_world_down(state);
}

/* The device starts again from what had reached its disk. */
static void lose_power(RunWorld *world)
{
        LedgerBus *ledger = world->ledger;

        assert_true(run_program("cp", disk, crashed));
        test_daemon_signal(world->agent, SIGKILL);
        (void) test_daemon_wait(world->agent);
        test_daemon_free(world->agent);
        stop_ledger(ledger);
        assert_int_equal(umount2(ledger->directory, MNT_DETACH), 0);
        assert_true(run_program("mount", "-o", "loop", crashed, ledger->directory));
        ledger->daemon = start_ledger(ledger, false);
        start_agent(world);
}

static void wait_chain_size(const LedgerBus *ledger, uint64_t wanted)
{
        for (unsigned i = 0; i < TEST_DEADLINE_SEC * 20 && chain_size(ledger) < wanted; i++)
                (void) usleep(50000);
        assert_true(chain_size(ledger) >= wanted);
}

/* What had ended stays so; what ran is never run again, and the hub learns that its end is unknown. */
static void test_power_loss(void **state)
{
        RunWorld *world = *state;
        LedgerBus *ledger = world->ledger;
        char *ls[] = { (char *) "ls", (char *) "--", (char *) "/home", NULL },
             *sleep[] = { (char *) "sleep", (char *) "1000", NULL };
        _cleanup_(outcome_done) Outcome ended = { .id = "" }, running = { .id = "" }, after = { .id = "" };
        _cleanup_(freep) char *unsynced = text_of("%s/unsynced", ledger->directory);

        follow(run(world, "shell.exec", ls, &ended), &ended);
        assert_end(world, &ended, "\"exit_code\":0");
        uint64_t size = chain_size(ledger);
        int fd = run(world, "shell.exec", sleep, &running);
        wait_chain_size(ledger, size + 2); /* accepted, started */
        size = chain_size(ledger);
        write_state_file(ledger, "unsynced", "in memory");
        lose_power(world);

        assert_int_equal(access(unsynced, F_OK), -1);
        assert_true(chain_size(ledger) >= size);
        follow(fd, &running);
        assert_end(world, &running, "\"state\":\"interrupted_unknown\"");
        assert_string_equal(wait_end(world, ended.id), "finished");
        follow(run(world, "shell.exec", ls, &after), &after);
        assert_end(world, &after, "\"exit_code\":0");
        verify_chain(ledger);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_power_loss, up, down),
        };

        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
            access("/dev/loop-control", R_OK | W_OK) < 0) {
                print_message("SKIPPED: no mount namespace of one's own, or no loop devices: %s\n",
                              strerror(errno));
                return 77;
        }
        return cmocka_run_group_tests(tests, NULL, NULL);
}
