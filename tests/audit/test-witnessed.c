/* SPDX-License-Identifier: MIT */
/* The acceptances of a device, judged again on the hub that witnesses it: the signed documents behind its
 * chain are sent there with the entries. */

#include "ledger-auditor.h"
#include "witness-pair.h"

/* One request in evidence, one with two approvals, and one whose content is kept nowhere. */
static void accept_three(LedgerWorld *device)
{
        Sibling second, third;

        sibling_init(&second, 102);
        sibling_init(&third, 103);
        const Case cases[] = {
                { .request = { KIND("service.restart"), ARGS("{\"unit\":\"nginx.service\"}"),
                               second.edits[0], second.edits[1] },
                  .approval = { { "\"reaction\"", "\"message\"" }, second.edits[0] },
                  .second = { { "\"reaction\"", "\"message\"" }, { "@bob", "@eve" }, second.edits[0] },
                  .n_approvals = 2 },
                { .request = { KIND("fs.write"),
                               ARGS("{\"root\":\"srv\",\"path\":\"x\",\"mode\":\"create\","
                                    "\"content_b64\":\"aGk=\"}"),
                               third.edits[0], third.edits[1] },
                  .approval = { third.edits[0] },
                  .n_approvals = 1 },
        };

        auditor_run(device, 1);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                assert_int_equal(ledger_world_judge(device, &cases[i]), 0);
}

static AuditReport verify_on_hub(Pair *pair, bool exported)
{
        return auditor_verify(pair->hub, &(Auditor){ .device = "dev-a",
                                                     .roots = &pair->device->made.root,
                                                     .n_roots = 1,
                                                     .exported = exported });
}

static void test_every_acceptance_is_proven(void **state)
{
        Pair *pair = *state;
        static const char *const own = "SELECT count(*) FROM evidence";

        for (int round = 0; round < 2; round++) {
                if (round == 0)
                        accept_three(pair->device);
                else
                        auditor_run(pair->device, 2);

                Copies *copies = copies_of(pair->device);
                assert_int_equal(pair_show(pair, copies, copies->n, NULL), 0);
                assert_int_equal(pair_show(pair, copies, copies->n, NULL), 0);
                copies_free(copies);
                ledger_world_close(pair->hub);
                for (int exported = 0; exported <= 1; exported++) {
                        AuditReport report = verify_on_hub(pair, exported);

                        auditor_assert_whole(&report, 3 + round, 2 + round);
                        assert_int_equal(report.outcome, AUDIT_OK);
                        assert_int_equal(report.n_unproven, 0);
                }
                assert_int_equal(ledger_world_query(pair->hub, own), 0);
                ledger_world_open(pair->hub);
        }
}

static void test_missing_evidence_is_unproven(void **state)
{
        Pair *pair = *state;
        static const struct {
                const char *sql;
                size_t n_unproven;
        } rows[] = {
                { "DELETE FROM replica_evidence WHERE envelope LIKE '%request.v1%'", 2 },
                { "DELETE FROM replica_evidence WHERE envelope LIKE '%manifest.v1%'", 3 },
        };

        accept_three(pair->device);
        Copies *copies = copies_of(pair->device);
        assert_int_equal(pair_show(pair, copies, copies->n, NULL), 0);
        copies_free(copies);
        ledger_world_close(pair->hub);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                ledger_world_tamper(pair->hub, rows[i].sql);
                AuditReport report = verify_on_hub(pair, false);

                assert_int_equal(report.outcome, AUDIT_UNPROVEN);
                assert_int_equal(report.n_unproven, rows[i].n_unproven);
        }
}

/* A device that has lost everything behind its entries, or keeps it to itself. */
static void test_evidence_that_is_withheld(void **state)
{
        Pair *pair = *state;

        auditor_run(pair->device, 1);
        Copies *copies = copies_of(pair->device);
        pair->withholds = true;
        assert_int_equal(pair_show(pair, copies, copies->n, NULL), 0);
        copies_free(copies);
        ledger_world_close(pair->hub);
        AuditReport report =
                auditor_verify(pair->hub, &(Auditor){ .device = "dev-a", .require_evidence = true });
        assert_int_equal(report.n_unproven, 1);
}

/* Only what an entry names is kept: another document, or content that the chain does not record, is not. */
static void test_other_documents_are_dropped(void **state)
{
        Pair *pair = *state;
        const char *device = "SELECT count(*) FROM replica_evidence";
        _cleanup_(signed_bundle_done) SignedBundle secret = { 0 };
        const Case write = { .request = WRITE, .n_approvals = 1 };

        signed_bundle(&pair->device->made, &write, &secret);
        LedgerAnswer answer = { 0 };
        ledger_world_put(pair->device, &secret, &answer);
        assert_int_equal(answer.outcome, LEDGER_ACCEPTED);
        ledger_answer_done(&answer);

        Copies *copies = copies_of(pair->device);
        pair->more_evidence[0] = secret.request;
        pair->more_evidence[1] = secret.delivery;
        assert_int_equal(pair_show(pair, copies, copies->n, NULL), 0);
        copies_free(copies);
        ledger_world_close(pair->hub);
        assert_int_equal(ledger_world_query(pair->hub, device), 3); /* root, manifest, approval */
        ledger_world_open(pair->hub);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                witness_test(test_every_acceptance_is_proven),
                witness_test(test_missing_evidence_is_unproven),
                witness_test(test_evidence_that_is_withheld),
                witness_test(test_other_documents_are_dropped),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
