/* SPDX-License-Identifier: MIT */
/* Confirmations of the manifest, which strict capabilities need: recorded by the ledger, judged by an
 * auditor. */

#include "audit/body.h"
#include "ledger-auditor.h"
#include "worker-stub.h"

#define STALE INT64_C(60000)
static const Edit strict_edits[] = { { "\"version\":7", "\"version\":8" },
                                     { "\"operators\"", "\"limits\":{\"stale_max_s\":60},\"operators\"" },
                                     { "\"id\":\"ls-home\",", "\"id\":\"ls-home\",\"strict\":true," } };

/* Valid under the time of its making; the caller frees it. */
static char *make_strict(LedgerWorld *world)
{
        return signed_manifest(&world->made, strict_edits, ELEMENTSOF(strict_edits), KEY_MANIFEST);
}

static void install(LedgerWorld *world, const char *manifest)
{
        ManifestInstalled installed;

        assert_int_equal(ledger_install_manifest(world->ledger, manifest, &installed), 0);
}

static void pass(LedgerWorld *world, int64_t ms)
{
        world->time.now_ms += (uint64_t) ms;
        world->made.shift_ms += ms;
}

/* The nth request, under the strict manifest. */
static Case strict_case(Sibling *sibling, unsigned n)
{
        sibling_init(sibling, n);
        return (Case){ .request = { sibling->edits[0], sibling->edits[1], strict_edits[0] } };
}

static int run_strict(LedgerWorld *world, unsigned n)
{
        Sibling sibling;
        Case given = strict_case(&sibling, n);

        return ledger_world_judge(world, &given);
}

static void claim_strict(LedgerWorld *world, unsigned n, bool without_evidence)
{
        Sibling sibling;

        ledger_world_close(world);
        auditor_claim(world, &(Claim){ strict_case(&sibling, n), .entry = "ls-home",
                                       .without_evidence = without_evidence });
}

static const char count_confirmations[] = "SELECT count(*) FROM audit WHERE type = 15";

/* One entry for each confirmation that a request depends on, whichever that is. */
static void test_confirmations(void **state)
{
        LedgerWorld *world = *state;
        _cleanup_(freep) char *manifest = make_strict(world);
        Sibling sibling;

        install(world, manifest);
        assert_int_equal(run_strict(world, 1), 0);
        pass(world, STALE + 1);
        assert_int_equal(run_strict(world, 2), DEVBOX_ERROR_MANIFEST_UNCONFIRMED);
        for (int i = 0; i < 3; i++) {
                pass(world, 1000);
                install(world, manifest);
        }
        assert_int_equal(run_strict(world, 3), 0);
        assert_int_equal(run_strict(world, 4), 0);
        pass(world, 1000);
        install(world, manifest); /* not recorded before the start depends on it */
        sibling_init(&sibling, 4);
        assert_int_equal(worker_stub_start(world, sibling.id), 0);
        ledger_world_close(world);
        assert_int_equal(ledger_world_query(world, count_confirmations), 2);
        AuditReport report = auditor_verify(world, &(Auditor){ .roots = &world->made.root, .n_roots = 1 });
        auditor_assert_whole(&report, 3, 3);
}

/* A ledger that has recorded confirmations does not go on without. */
static void test_missing_confirmation(void **state)
{
        static const struct {
                int64_t later_ms;
                bool without_evidence;
                AuditOutcome outcome;
                size_t n_unproven;
        } rows[] = {
                { STALE, false, AUDIT_UNWITNESSED, 0 },
                { STALE, true, AUDIT_UNWITNESSED, 1 },
                { STALE + 1, false, AUDIT_BROKEN, 1 },
                { STALE + 1, true, AUDIT_BROKEN, 1 },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                assert_ok(ledger_world_down(state));
                assert_ok(ledger_world_up(state));
                LedgerWorld *world = *state;
                _cleanup_(freep) char *manifest = make_strict(world);

                install(world, manifest);
                pass(world, 2 * STALE);
                install(world, manifest);
                assert_int_equal(run_strict(world, 1), 0);
                pass(world, rows[i].later_ms);
                claim_strict(world, 2, rows[i].without_evidence);
                AuditReport report =
                        auditor_verify(world, &(Auditor){ .roots = &world->made.root, .n_roots = 1 });
                if (report.outcome != rows[i].outcome || report.n_unproven != rows[i].n_unproven ||
                    (report.outcome == AUDIT_BROKEN && report.error != DEVBOX_ERROR_MANIFEST_UNCONFIRMED))
                        fail_msg("row %zu: %s, %s", i, audit_outcome_name(report.outcome),
                                 report.error ? devbox_error_code(report.error) : "no error");
        }
}

/* Nor is what was accepted in time started too late. */
static void test_started_without_confirmation(void **state)
{
        static const struct {
                int64_t later_ms;
                AuditOutcome outcome;
        } rows[] = { { 1000, AUDIT_UNWITNESSED }, { 1001, AUDIT_BROKEN } };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                Sibling sibling;
                _cleanup_(signed_bundle_done) SignedBundle bundle = { 0 };

                assert_ok(ledger_world_down(state));
                assert_ok(ledger_world_up(state));
                LedgerWorld *world = *state;
                _cleanup_(freep) char *manifest = make_strict(world);

                install(world, manifest);
                pass(world, 2 * STALE);
                install(world, manifest);
                pass(world, STALE - 1000);
                Case given = strict_case(&sibling, 1);
                signed_bundle(&world->made, &given, &bundle);
                assert_int_equal(ledger_world_judge(world, &given), 0);
                ledger_world_close(world);
                pass(world, rows[i].later_ms);
                auditor_append(world, AUDIT_REQUEST_STARTED,
                               &(AuditBody){ .request_id = sibling.id, .request_sha256 = bundle.digest });
                AuditReport report =
                        auditor_verify(world, &(Auditor){ .roots = &world->made.root, .n_roots = 1 });
                assert_int_equal(report.outcome, rows[i].outcome);
        }
}

/* Chains of ledgers that recorded none are not BROKEN for it. */
static void test_no_confirmation(void **state)
{
        LedgerWorld *world = *state;
        _cleanup_(freep) char *manifest = make_strict(world);

        install(world, manifest);
        pass(world, STALE + 1);
        claim_strict(world, 1, false);
        AuditReport report = auditor_verify(world, &(Auditor){ .roots = &world->made.root, .n_roots = 1 });
        auditor_assert_whole(&report, 1, 0);
        assert_int_equal(report.n_unproven, 1);
}

static void test_confirmation_of_another_manifest(void **state)
{
        LedgerWorld *world = *state;

        ledger_world_close(world);
        auditor_append(world, AUDIT_CONFIRMATION,
                       &(AuditBody){ .sha256 = world->made.root, .confirmed_at_ms = 1 });
        AuditReport report = auditor_verify(world, &(Auditor){ .roots = &world->made.root, .n_roots = 1 });
        assert_int_equal(report.outcome, AUDIT_BROKEN);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                ledger_test(test_confirmations),
                ledger_test(test_missing_confirmation),
                ledger_test(test_started_without_confirmation),
                ledger_test(test_no_confirmation),
                ledger_test(test_confirmation_of_another_manifest),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
