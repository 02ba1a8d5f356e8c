/* SPDX-License-Identifier: MIT */
/* devbox-ledger on a full disk: a tmpfs in a mount namespace of the test's own. */

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <unistd.h>

#include "basic/fd.h"
#include "ctl-run.h"
#include "ledger-world.h"

#define MIB         (1024 * 1024)
#define DISK        (32 * MIB)
#define BELOW_LIMIT (20 * MIB) /* leaves less than the 16 MiB that are reserved */

/* A file that takes so much of the disk, or all that is left. */
static void fill_disk(const LedgerBus *world, size_t size)
{
        static const char block[64 * 1024];
        char path[128];

        (void) snprintf(path, sizeof path, "%s/filler", world->directory);
        _cleanup_(fd_closep) int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        assert_ok(fd);
        for (size_t written = 0; written < size; written += sizeof block)
                if (write(fd, block, sizeof block) < (ssize_t) sizeof block)
                        return;
}

static void free_disk(const LedgerBus *world)
{
        char path[128];

        (void) snprintf(path, sizeof path, "%s/filler", world->directory);
        assert_ok(unlink(path));
}

static void stop_ledger(LedgerBus *world)
{
        (void) test_daemon_stop(world->daemon);
        world->daemon = test_daemon_free(world->daemon);
}

static int up(void **state)
{
        assert_int_equal(ledger_bus_up_empty(state), 0);
        LedgerBus *world = *state;
        char options[32];

        stop_ledger(world);
        (void) snprintf(options, sizeof options, "size=%d", DISK);
        assert_ok(mount("tmpfs", world->directory, "tmpfs", 0, options));
        fill_state_directory(world);
        return 0;
}

static int down(void **state)
{
        LedgerBus *world = *state;

        stop_ledger(world);
        assert_ok(umount2(world->directory, MNT_DETACH));
        return ledger_bus_down(state);
}

static void assert_ctl(const LedgerBus *world, const char *verb, bool well)
{
        _cleanup_(run_done) Run run = run_ctl_words(world->bus, (const char *const[]){ verb, NULL });

        if (!!strstr(run.output, "disk full") != !well || (!well && run.status != 1))
                fail_msg("%s with status %d:\n%s", verb, run.status, run.output);
}

static void assert_reported(const LedgerBus *world, bool well)
{
        assert_int_equal(is_healthy(world), well);
        assert_ctl(world, "health", well);
        assert_ctl(world, "status", well);
}

static void test_it_becomes_full(void **state)
{
        LedgerBus *world = *state;

        world->daemon = start_ledger(world, false);
        make_ready(world);
        assert_reported(world, true);

        fill_disk(world, BELOW_LIMIT); /* nothing was asked since */
        assert_reported(world, false);
        assert_string_equal(judge(world, &(Case){ 0 }), "audit_unavailable");
        _cleanup_(run_done) Run device =
                run_ctl_words(world->bus, (const char *const[]){ "device", "status", NULL });
        assert_has(device.output, "problem the disk is full");

        fill_disk(world, SIZE_MAX);
        assert_string_equal(judge(world, &(Case){ 0 }), "audit_unavailable");
        assert_reported(world, false);

        free_disk(world);
        assert_string_equal(judge(world, &(Case){ 0 }), "accepted");
        assert_reported(world, true);
        verify_chain(world);
}

static void test_it_is_full_at_the_start(void **state)
{
        LedgerBus *world = *state;

        fill_disk(world, SIZE_MAX);
        world->daemon = start_ledger(world, false);
        sd_bus_message_unref(
                finish_call(world->client, new_call(world, "BeginSession"), "AuditUnavailable"));
        assert_reported(world, false);
        test_bus_wait_log(world->bus, LEDGER, "ledger.db: No space left on device; run: df -h ");

        free_disk(world);
        while (!is_healthy(world))
                ;
        make_ready(world);
        assert_reported(world, true);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_it_becomes_full, up, down),
                cmocka_unit_test_setup_teardown(test_it_is_full_at_the_start, up, down),
        };

        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
                print_message("SKIPPED: no mount namespace of one's own: %s\n", strerror(errno));
                return 77;
        }
        return cmocka_run_group_tests(tests, NULL, NULL);
}
