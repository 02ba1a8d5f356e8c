/* SPDX-License-Identifier: MIT */
/* devbox-dispatch on a full disk: a tmpfs in a mount namespace of the test's own. What it cannot keep it
 * does not send. */

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <unistd.h>

#include "basic/fd.h"
#include "basic/file.h"
#include "run-calls.h"

static char directory[128]; /* the dispatcher's */

static const char *path_of(const char *name)
{
        static char path[192];

        (void) snprintf(path, sizeof path, "%s/%s", directory, name);
        return path;
}

static void fill_disk(void)
{
        static const char block[4096];
        _cleanup_(fd_closep) int fd =
                assert_ok(open(path_of("filler"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));

        while (write(fd, block, sizeof block) > 0)
                ;
        assert_int_equal(errno, ENOSPC);
}

/* Its keys, which the manifest names, move to a disk of 4 MiB. */
static int up(void **state)
{
        static const char *const keys[] = { "seal", "dispatcher.key", "attester.key" };
        char *contents[ELEMENTSOF(keys)];
        size_t sizes[ELEMENTSOF(keys)];
        RunWorld *world;

        assert_int_equal(run_world_up(state), 0);
        world = *state;
        (void) snprintf(directory, sizeof directory, "%s/dispatch", world->ledger->bus->directory);
        assert_int_equal(test_daemon_stop(world->dispatch), 0);
        test_daemon_free(world->dispatch);
        for (size_t i = 0; i < ELEMENTSOF(keys); i++)
                assert_ok(fd_read_file_at(AT_FDCWD, path_of(keys[i]), 4096, &contents[i], &sizes[i]));
        assert_int_equal(mount("tmpfs", directory, "tmpfs", 0, "size=4m,mode=0700"), 0);
        for (size_t i = 0; i < ELEMENTSOF(keys); i++) {
                assert_ok(file_write(path_of(keys[i]), FILE_REPLACE, 0400, BYTES(contents[i], sizes[i])));
                free(contents[i]);
        }
        start_dispatch(world);
        return 0;
}

static int down(void **state)
{
        RunWorld *world = *state;

        world->dispatch = test_daemon_free(world->dispatch);
        assert_int_equal(umount2(directory, MNT_DETACH), 0);
        return run_world_down(state);
}

static void run_refused(const RunWorld *world)
{
        sd_bus_message *call = new_dispatch_call(world, "Submit");

        assert_ok(
                sd_bus_message_append(call, "ssasa{sv}", "dev-a", "shell.exec", 3, "ls", "--", "/home", 0));
        sd_bus_message_unref(finish_call(world->client, call, "AuditUnavailable"));
}

static void test_it_becomes_full(void **state)
{
        RunWorld *world = *state;

        run_ls(world, "\"exit_code\":0");
        uint64_t size = chain_size(world->ledger);
        fill_disk();
        run_refused(world);
        assert_true(chain_size(world->ledger) == size);

        assert_int_equal(unlink(path_of("filler")), 0);
        run_ls(world, "\"exit_code\":0");
        verify_chain(world->ledger);
}

/* The end of a request that runs meanwhile: the client gets it, and the next dispatcher asks for it. */
static void test_it_becomes_full_while_one_runs(void **state)
{
        RunWorld *world = *state;
        char *words[] = { (char *) "sleep", (char *) "1", NULL };
        _cleanup_(outcome_done) Outcome outcome = { .id = "" };
        int fd = run(world, "shell.exec", words, &outcome);

        wait_state(world, outcome.id, "running");
        fill_disk();
        follow(fd, &outcome);
        assert_end(world, &outcome, "\"exit_code\":0");

        assert_int_equal(unlink(path_of("filler")), 0);
        assert_int_equal(test_daemon_stop(world->dispatch), 0);
        test_daemon_free(world->dispatch);
        start_dispatch(world);
        assert_string_equal(wait_end(world, outcome.id), "finished");
        verify_chain(world->ledger);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_it_becomes_full, up, down),
                cmocka_unit_test_setup_teardown(test_it_becomes_full_while_one_runs, up, down),
        };

        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
                print_message("SKIPPED: no mount namespace of one's own: %s\n", strerror(errno));
                return 77;
        }
        return cmocka_run_group_tests(tests, NULL, NULL);
}
