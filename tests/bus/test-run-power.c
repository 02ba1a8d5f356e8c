/* SPDX-License-Identifier: MIT */
/* Power loss of a device: the ledger's state is on a disk of its own, and what had not reached that is lost.
 */

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "files.h"
#include "run-calls.h"
#include "test-disk.h"

static TestDisk disk;

static void stop_ledger(LedgerBus *ledger)
{
        test_daemon_signal(ledger->daemon, SIGKILL);
        (void) test_daemon_wait(ledger->daemon);
        test_daemon_free(ledger->daemon);
}

static int up(void **state)
{
        RunWorld *world;

        assert_int_equal(run_world_up(state), 0);
        world = *state;
        _cleanup_(freep) char *image = text_of("%s/disk", world->ledger->bus->directory);

        stop_ledger(world->ledger);
        test_disk_new(&disk, image, world->ledger->directory);
        world->ledger->daemon = start_ledger(world->ledger, false);
        return 0;
}

static int down(void **state)
{
        RunWorld *world = *state;

        stop_ledger(world->ledger);
        world->ledger->daemon = NULL;
        test_disk_free(&disk);
        return run_world_down(state);
}

static void lose_power(RunWorld *world)
{
        test_disk_cut(&disk);
        test_daemon_signal(world->agent, SIGKILL);
        (void) test_daemon_wait(world->agent);
        test_daemon_free(world->agent);
        stop_ledger(world->ledger);
        test_disk_mount_again(&disk);
        world->ledger->daemon = start_ledger(world->ledger, false);
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

        if (!test_disk_is_possible()) {
                print_message("SKIPPED: no mount namespace of one's own, or no loop devices: %s\n",
                              strerror(errno));
                return 77;
        }
        return cmocka_run_group_tests(tests, NULL, NULL);
}
