/* SPDX-License-Identifier: MIT */
/* Verification accepts every history that a ledger can write.
 *
 * $DEVBOX_HISTORIES: how many random histories, if it is set. */

#include <stdio.h>
#include <unistd.h>

#include "ledger-auditor.h"
#include "ledger-history.h"
#include "worker-stub.h"

#define HISTORIES 8

#define HOUR INT64_C(3600000)
#define DAY  (24 * HOUR)

/* ---- histories that were rejected once */

static void run(LedgerWorld *world, unsigned n)
{
        _cleanup_(freep) char *result = NULL;
        Sibling sibling;

        sibling_init(&sibling, n);
        assert_int_equal(
                ledger_world_judge(world, &(Case){ .request = { sibling.edits[0], sibling.edits[1] } }), 0);
        assert_int_equal(worker_stub_finish(world, sibling.id, RESULT_FAILED, &result), 0);
}

static void set_time(LedgerWorld *world, int64_t since)
{
        world->time.now_ms = WORLD_NOW + (uint64_t) since;
        world->made.shift_ms = since;
}

static void flush(LedgerWorld *world)
{
        _cleanup_(freep) char *checkpoint = NULL;

        assert_int_equal(ledger_flush(world->ledger, &checkpoint), 0);
}

static void assert_accepted(const LedgerWorld *world, size_t n_accepted)
{
        AuditReport report = auditor_verify(world, &(Auditor){ .roots = &world->made.root, .n_roots = 1 });

        auditor_assert_whole(&report, n_accepted, n_accepted);
}

/* The id of a request that ran for days may be used again as soon as it has ended. */
static void test_request_that_ran_for_days(void **state)
{
        LedgerWorld *world = *state;
        _cleanup_(freep) char *result = NULL;
        Sibling sibling;

        sibling_init(&sibling, 1);
        assert_int_equal(
                ledger_world_judge(world, &(Case){ .request = { sibling.edits[0], sibling.edits[1] } }), 0);
        set_time(world, 3 * DAY);
        run(world, 2);
        assert_int_equal(worker_stub_finish(world, sibling.id, RESULT_FAILED, &result), 0);
        flush(world);
        run(world, 1);
        assert_accepted(world, 3);
}

/* Requests after a correction of the clock expire before those made under the wrong clock. */
static void test_corrected_clock(void **state)
{
        LedgerWorld *world = *state;

        set_time(world, 2 * DAY);
        run(world, 1);
        set_time(world, HOUR);
        assert_int_equal(ledger_accept_clock(world->ledger), 0);
        set_time(world, 2 * HOUR);
        run(world, 2);
        set_time(world, 27 * HOUR);
        run(world, 3);
        flush(world);
        run(world, 2);
        assert_accepted(world, 4);
}

/* Time passes between the check of a manifest and its entry. */
static void test_manifest_just_before_expiry(void **state)
{
        LedgerWorld *world = *state;
        const Edit edits[] = { { "\"version\":7", "\"version\":8" }, { "1762000000000", "1760000010002" } };
        _cleanup_(freep) char *text = signed_manifest(&world->made, edits, 2, KEY_MANIFEST);
        ManifestInstalled installed;

        world->tick_ms = 1;
        assert_int_equal(ledger_install_manifest(world->ledger, text, &installed), 0);
        assert_accepted(world, 0);
}

static void install_root(LedgerWorld *world, const char *version, const char *manifest_key)
{
        const WorldKey keys[] = { KEY_ROOT_A, KEY_ROOT_B, _KEY_MAX };
        const Edit edits[] = { { "\"version\":1", version }, { "\"@manifest@\"", manifest_key } };
        _cleanup_(freep) char *text = signed_root_edited(&world->made, edits, 2, keys);

        assert_int_equal(ledger_install_root(world->ledger, text), 0);
}

/* A root removes the key that signed the manifest, and the next root names it again. */
static void test_key_adopted_again(void **state)
{
        LedgerWorld *world = *state;
        Sha256 roots[3] = { world->made.root };

        install_root(world, "\"version\":2", "\"@stranger@\"");
        roots[1] = world->made.root;
        assert_int_equal(ledger_world_judge(world, &(Case){ 0 }), DEVBOX_ERROR_MANIFEST_MISSING);
        install_root(world, "\"version\":3", "\"@manifest@\"");
        roots[2] = world->made.root;
        run(world, 1);
        AuditReport report = auditor_verify(world, &(Auditor){ .roots = roots, .n_roots = 3 });
        auditor_assert_whole(&report, 1, 1);
}

/* ---- random histories */

static void test_histories(void **state)
{
        const char *text = getenv("DEVBOX_HISTORIES");
        uint64_t n = text ? strtoull(text, NULL, 10) : HISTORIES;

        for (uint64_t seed = 1; seed <= n; seed++) {
                ledger_history_live(*state, seed);
                assert_ok(ledger_world_down(state));
                assert_ok(ledger_world_up(state));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                ledger_test(test_request_that_ran_for_days),
                ledger_test(test_corrected_clock),
                ledger_test(test_manifest_just_before_expiry),
                ledger_test(test_key_adopted_again),
                ledger_test(test_histories),
        };

        /* Nothing here depends on a disk. */
        if (access("/dev/shm", W_OK) == 0)
                (void) setenv("TMPDIR", "/dev/shm", 1);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
