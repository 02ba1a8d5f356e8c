/* SPDX-License-Identifier: MIT */
/* Judging again when evidence is missing, and what only several requests together show. */

#include "ledger-auditor.h"

/* The entry allows three requests in a minute. */
static void test_rate(void **state)
{
        static const struct {
                uint64_t step_ms;
                bool broken;
        } rows[] = { { 1000, true }, { 19999, true }, { 20001, false } };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                for (int without = 0; without <= 1; without++) {
                        assert_ok(ledger_world_down(state));
                        assert_ok(ledger_world_up(state));
                        LedgerWorld *world = *state;
                        uint64_t size = ledger_world_size(world);

                        ledger_world_close(world);
                        for (unsigned n = 1; n <= 4; n++) {
                                Sibling sibling;

                                sibling_init(&sibling, n);
                                auditor_claim(world,
                                              &(Claim){ { .request = { sibling.edits[0], sibling.edits[1],
                                                                       ARGS("{\"argv\":[\"/usr/bin/df\","
                                                                            "\"-h\"]}") } },
                                                        .entry = "df",
                                                        .without_evidence = without });
                                world->time.now_ms += rows[i].step_ms;
                                world->made.shift_ms += (int64_t) rows[i].step_ms;
                        }
                        AuditReport report = auditor_verify(
                                world, &(Auditor){ .roots = &world->made.root, .n_roots = 1 });
                        assert_int_equal(report.outcome, rows[i].broken ? AUDIT_BROKEN : AUDIT_UNWITNESSED);
                        if (rows[i].broken) {
                                assert_int_equal(report.at, size + 3);
                                assert_int_equal(report.error, DEVBOX_ERROR_RATE_LIMITED);
                        }
                }
}

/* ---- evidence that is missing */

/* A chain with one request and a witnessed checkpoint; `sql` changes its evidence. */
static AuditReport verify_evidence(void **state, const char *sql, const Auditor *how)
{
        _cleanup_(envelope_freep) Envelope *envelope = NULL;
        _cleanup_(freep) char *own = NULL, *witnessed = NULL;

        assert_ok(ledger_world_down(state));
        assert_ok(ledger_world_up(state));
        LedgerWorld *world = *state;
        auditor_run(world, 1);
        assert_int_equal(ledger_checkpoint(world->ledger, 0, &own), 0);
        assert_ok(envelope_parse(bytes_of_string(own), CHECKPOINT_TEXT_MAX, &envelope));
        assert_ok(envelope_sign(envelope, CHECKPOINT_WITNESS_ROLE, world_key(KEY_WITNESS)));
        assert_ok(envelope_format(envelope, &witnessed));
        ledger_world_close(world);
        if (sql)
                ledger_world_tamper(world, sql);

        Auditor auditor = *how;
        auditor.roots = &world->made.root;
        auditor.n_roots = 1;
        auditor.statements = &witnessed;
        auditor.n_statements = 1;
        return auditor_verify(world, &auditor);
}

#define REQUEST_ROW                                                                                         \
        "digest NOT IN (SELECT digest FROM evidence ORDER BY rowid LIMIT 2)" /* root, manifest              \
                                                                              */

static void test_missing_evidence(void **state)
{
        static const struct {
                const char *what, *sql;
                Auditor auditor;
                AuditOutcome outcome;
        } rows[] = {
                { "all of it", NULL, { 0 }, AUDIT_OK },
                { "all of it, required", NULL, { .require_evidence = true }, AUDIT_OK },
                { "deleted", "DELETE FROM evidence WHERE " REQUEST_ROW, { 0 }, AUDIT_UNPROVEN },
                { "deleted, from an export",
                  "DELETE FROM evidence WHERE " REQUEST_ROW,
                  { .exported = true },
                  AUDIT_UNPROVEN },
                { "swapped",
                  "UPDATE evidence SET envelope = (SELECT envelope FROM evidence LIMIT 1) "
                  "WHERE " REQUEST_ROW,
                  { 0 },
                  AUDIT_UNPROVEN },
                { "none", NULL, { .no_evidence = true }, AUDIT_OK },
                { "none, required",
                  NULL,
                  { .no_evidence = true, .require_evidence = true },
                  AUDIT_UNPROVEN },
                { "dated ahead", NULL, { .now_ms = 1750000000000 }, AUDIT_UNPROVEN },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                AuditReport report = verify_evidence(state, rows[i].sql, &rows[i].auditor);

                if (report.outcome != rows[i].outcome)
                        fail_msg("%s: %s: %s", rows[i].what, audit_outcome_name(report.outcome),
                                 strempty(report.why));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                ledger_test(test_rate),
                ledger_test(test_missing_evidence),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
