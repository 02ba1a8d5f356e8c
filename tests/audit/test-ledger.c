/* SPDX-License-Identifier: MIT */
/* The chain that a real ledger wrote, in the eyes of an auditor. */

#include <stdio.h>

#include "audit/export.h"
#include "audit/verify.h"
#include "ledger-world.h"
#include "worker-stub.h"

#define REQUESTS 12

static void run_one(LedgerWorld *world, unsigned n)
{
        _cleanup_(signed_bundle_done) SignedBundle bundle = { 0 };
        _cleanup_(ledger_answer_done) LedgerAnswer answer = LEDGER_ANSWER_NULL;
        _cleanup_(freep) char *result = NULL;
        Sibling sibling;

        sibling_init(&sibling, n);
        signed_bundle(&world->made, &(Case){ .request = { sibling.edits[0], sibling.edits[1] } }, &bundle);
        ledger_world_put(world, &bundle, &answer);
        assert_int_equal(answer.outcome, LEDGER_ACCEPTED);
        if (n % 3 == 0)
                return; /* interrupted: recorded when the ledger is opened again */
        assert_int_equal(worker_stub_start(world, sibling.id), 0);
        if (n % 3 == 1)
                return;
        assert_int_equal(worker_stub_finish(world, sibling.id, RESULT_FINISHED, &result), 0);
}

/* As the daemon does when it ends. */
static void flush_and_close(LedgerWorld *world)
{
        _cleanup_(freep) char *checkpoint = NULL;

        assert_ok(ledger_flush(world->ledger, &checkpoint));
        assert_non_null(checkpoint);
        ledger_world_close(world);
}

static int add_checkpoint(void *userdata, const char *envelope)
{
        return audit_verifier_add_checkpoint(userdata, envelope);
}

static AuditReport verify(const LedgerWorld *world, bool hash_only)
{
        _cleanup_(audit_reader_freep) AuditReader *reader = NULL;
        _cleanup_(audit_verifier_freep) AuditVerifier *verifier = NULL;
        AuditReport report;
        char path[128];

        (void) snprintf(path, sizeof path, "%s/ledger.db", world->directory);
        assert_ok(audit_reader_open(path, NULL, &reader));
        assert_string_equal(audit_reader_identity(reader)->device, "dev-a");
        assert_ok(audit_verifier_new(audit_reader_identity(reader), &(AuditMeans){ .hash_only = hash_only },
                                     &verifier));
        assert_ok(audit_reader_checkpoints(reader, add_checkpoint, verifier));
        assert_ok(audit_verify(verifier, reader, &report));
        return report;
}

static void test_every_entry_type(void **state)
{
        LedgerWorld *world = *state;

        for (unsigned n = 0; n < REQUESTS; n++)
                run_one(world, n);
        assert_int_equal(ledger_world_judge(world, &(Case){ .request = { KIND("fs.lists") } }),
                         DEVBOX_ERROR_UNKNOWN_CAPABILITY);
        ledger_world_close(world);
        ledger_world_open(world);
        ledger_world_begin_session(world);
        run_one(world, REQUESTS + 2);

        uint64_t size = ledger_world_size(world);
        flush_and_close(world);
        AuditReport report = verify(world, false);
        if (report.outcome != AUDIT_UNWITNESSED)
                fail_msg("%s at %d: %s", audit_outcome_name(report.outcome), (int) report.at, report.why);
        assert_int_equal(report.size, size);
        assert_int_equal(report.n_ignored, 0);
        assert_true(report.n_checkpoints > 0);

        ledger_world_tamper(world, "DROP TRIGGER audit_no_update");
        ledger_world_tamper(world, "UPDATE audit SET body = x'7b7d' WHERE seq = 5");
        report = verify(world, true);
        assert_int_equal(report.outcome, AUDIT_BROKEN);
        assert_int_equal(report.at, 5);
}

/* A truncated chain contradicts the checkpoint that the ledger signed when it closed. */
static void test_truncated(void **state)
{
        LedgerWorld *world = *state;

        run_one(world, 2);
        flush_and_close(world);
        uint64_t size = verify(world, false).size;

        ledger_world_tamper(world, "PRAGMA foreign_keys = OFF; DROP TRIGGER audit_no_delete;"
                                   "DELETE FROM audit WHERE seq > 3");
        AuditReport report = verify(world, false);
        assert_int_equal(report.outcome, AUDIT_TRUNCATED);
        assert_int_equal(report.size, 4);
        assert_in_range(report.at, 5, size);
}

/* A ledger that starts while an auditor reads: the rest is read from the database that it writes, and so is
 * evidence. */
static void test_a_ledger_that_starts_meanwhile(void **state)
{
        LedgerWorld *world = *state;
        _cleanup_(audit_evidence_freep) AuditEvidence *evidence = NULL;
        _cleanup_(audit_reader_freep) AuditReader *reader = NULL;
        AuditEntry entry;
        char path[128];
        int next;

        flush_and_close(world);
        (void) snprintf(path, sizeof path, "%s/ledger.db", world->directory);
        assert_ok(audit_reader_open(path, NULL, &reader));
        assert_int_equal(audit_reader_open_evidence(reader, &evidence), 1);
        ledger_world_open(world);
        ledger_world_begin_session(world);
        uint64_t size = ledger_world_size(world), n = 0;

        while ((next = audit_reader_next(reader, &entry)) == AUDIT_NEXT_ENTRY) {
                _cleanup_(envelope_freep) Envelope *manifest = NULL;

                n++;
                assert_int_equal(audit_evidence_find(evidence, &world->made.manifest, &manifest), 1);
        }
        assert_int_equal(next, AUDIT_NEXT_END);
        assert_int_equal(n, size);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                ledger_test(test_every_entry_type),
                ledger_test(test_truncated),
                ledger_test(test_a_ledger_that_starts_meanwhile),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
