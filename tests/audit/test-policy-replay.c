/* SPDX-License-Identifier: MIT */
/* The acceptances in a chain, judged again by an auditor: first of a valid ledger, then of a device that
 * writes anything into its own chain, with valid hashes. */

#include <stdio.h>

#include "audit/body.h"
#include "audit/evidence.h"
#include "ledger-auditor.h"
#include "worker-stub.h"

static void test_valid_history(void **state)
{
        LedgerWorld *world = *state;
        static const Case approved_by_two = {
                .request = RESTART,
                .approval = { { "\"reaction\"", "\"message\"" } },
                .second = { { "\"reaction\"", "\"message\"" }, { "@bob", "@eve" } },
                .n_approvals = 2,
        };

        auditor_run(world, 1);
        assert_int_equal(ledger_world_judge(world, &approved_by_two), 0);
        ledger_world_close(world);
        for (int exported = 0; exported <= 1; exported++) {
                AuditReport report = auditor_verify(
                        world, &(Auditor){ .roots = &world->made.root, .n_roots = 1, .exported = exported });

                auditor_assert_whole(&report, 2, 2);
        }

        AuditReport report = auditor_verify(world, &(Auditor){ 0 });
        auditor_assert_whole(&report, 2, 0); /* by no root, nothing is judged */
}

/* The request of which the chain keeps only digests is kept nowhere else. */
static void test_redacted(void **state)
{
        LedgerWorld *world = *state;

        assert_int_equal(ledger_world_judge(world, &(Case){ .request = WRITE, .n_approvals = 1 }), 0);
        ledger_world_close(world);
        AuditReport report = auditor_verify(world, &(Auditor){ .roots = &world->made.root, .n_roots = 1 });
        auditor_assert_whole(&report, 1, 0);
        assert_int_equal(report.n_redacted, 1);
}

static void test_altered_evidence(void **state)
{
        LedgerWorld *world = *state;

        auditor_run(world, 1);
        ledger_world_close(world);
        ledger_world_tamper(world, "UPDATE evidence SET envelope = (SELECT envelope FROM evidence LIMIT 1)");
        AuditReport report = auditor_verify(world, &(Auditor){ .roots = &world->made.root, .n_roots = 1 });
        auditor_assert_whole(&report, 1, 0);
}

/* The next root has the same keys, or another for manifests: what is accepted then is void. */
static void install_next_root(LedgerWorld *world, const char *manifest_key, Sha256 digests[static 2])
{
        const Edit edits[] = { { "\"version\":1", "\"version\":2" }, { "\"@manifest@\"", manifest_key } };
        const WorldKey keys[] = { KEY_ROOT_A, KEY_ROOT_B, _KEY_MAX };

        digests[0] = world->made.root;
        _cleanup_(freep) char *root = signed_root_edited(&world->made, edits, 2, keys);
        digests[1] = world->made.root;
        assert_int_equal(ledger_install_root(world->ledger, root), 0);
}

/* A request under each of two roots, verified with that many roots. */
static AuditReport verify_over_a_new_root(LedgerWorld *world, size_t n_roots)
{
        Sha256 digests[2];

        auditor_run(world, 1);
        install_next_root(world, "\"@manifest@\"", digests);
        auditor_run(world, 2);
        ledger_world_close(world);
        return auditor_verify(world, &(Auditor){ .roots = digests, .n_roots = n_roots });
}

static void test_under_a_new_root(void **state)
{
        AuditReport report = verify_over_a_new_root(*state, 2);

        auditor_assert_whole(&report, 2, 2);
}

/* What is accepted under a root that the auditor does not have yet is counted, and not judged. */
static void test_under_a_future_root(void **state)
{
        AuditReport report = verify_over_a_new_root(*state, 1);

        auditor_assert_whole(&report, 2, 1);
        assert_int_equal(report.n_unknown_roots, 1);
}

/* ---- acceptances that no rule allows */

typedef struct InvalidClaim {
        const char *what;
        Claim claim;
        DevboxError error;    /* with the request in evidence */
        DevboxError recorded; /* without; 0: only UNPROVEN */
} InvalidClaim;

static const InvalidClaim invalid_claims[] = {
        { "signed by an unknown key",
          { { .request_key = KEY_STRANGER }, .entry = "ls-home" },
          .error = DEVBOX_ERROR_UNKNOWN_KEY },
        { "another program",
          { { .request = { ARGS("{\"argv\":[\"/usr/bin/rm\"]}") } }, .entry = "ls-home" },
          DEVBOX_ERROR_BINARY_NOT_ALLOWED,
          DEVBOX_ERROR_BINARY_NOT_ALLOWED },
        { "other arguments",
          { { .request = { ARGS("{\"argv\":[\"/usr/bin/ls\",\"/\"]}") } }, .entry = "ls-home" },
          DEVBOX_ERROR_ARGS_DENIED,
          DEVBOX_ERROR_ARGS_DENIED },
        { "not approved",
          { { .request = RESTART }, .entry = "nginx" },
          DEVBOX_ERROR_APPROVAL_MISSING,
          DEVBOX_ERROR_APPROVAL_MISSING },
        { "another unit",
          { { .request = { KIND("service.restart"), ARGS("{\"unit\":\"ssh.service\"}") } },
            .entry = "nginx" },
          DEVBOX_ERROR_BINARY_NOT_ALLOWED,
          DEVBOX_ERROR_BINARY_NOT_ALLOWED },
        { "not an operator",
          { { .request = { { "@ana", "@mallory" } } }, .entry = "ls-home" },
          DEVBOX_ERROR_OPERATOR_UNKNOWN,
          DEVBOX_ERROR_OPERATOR_UNKNOWN },
        { "for another device",
          { { .request = { { "dev-a", "dev-b" } } }, .entry = "ls-home" },
          .error = DEVBOX_ERROR_WRONG_DEVICE },
        { "expired",
          { { .request = { { "1760000060000", "1760000000001" }, { "1760000000000", "1759999000000" } } },
            .entry = "ls-home" },
          .error = DEVBOX_ERROR_EXPIRED },
        { "of another entry", { .entry = "df" }, .recorded = DEVBOX_ERROR_BINARY_NOT_ALLOWED },
        { "of no entry", { .entry = "rm" }, .recorded = DEVBOX_ERROR_UNKNOWN_CAPABILITY },
        { "in another name", { .entry = "ls-home", .principal = "@bob:hs.example" } },
        { "from a room", { .entry = "ls-home", .room = "!room:hs.example" } },
        { "content outside the root",
          { { .request = { KIND("fs.write"), ARGS("{\"root\":\"home\",\"path\":\"x\",\"mode\":\"create\","
                                                  "\"content_b64\":\"aGk=\"}") } },
            .entry = "write-srv" },
          DEVBOX_ERROR_PATH_DENIED,
          DEVBOX_ERROR_PATH_DENIED },
};

static AuditReport verify_invalid_claim(void **state, const Claim *claim, uint64_t *ret_size)
{
        assert_ok(ledger_world_down(state));
        assert_ok(ledger_world_up(state));
        LedgerWorld *world = *state;

        *ret_size = ledger_world_size(world);
        ledger_world_close(world);
        auditor_claim(world, claim);
        return auditor_verify(world, &(Auditor){ .roots = &world->made.root, .n_roots = 1 });
}

static void test_invalid_acceptances(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(invalid_claims); i++) {
                uint64_t size;
                AuditReport report = verify_invalid_claim(state, &invalid_claims[i].claim, &size);

                if (report.outcome != AUDIT_BROKEN || report.at != size ||
                    report.error != invalid_claims[i].error)
                        fail_msg("%s: %s at %d, %s", invalid_claims[i].what,
                                 audit_outcome_name(report.outcome), (int) report.at,
                                 report.error ? devbox_error_code(report.error) : "no error");
                assert_non_null(report.why);
        }
}

/* The same without the request in evidence: what the entry records is judged by the manifest. */
static void test_invalid_acceptances_without_evidence(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(invalid_claims); i++) {
                Claim claim = invalid_claims[i].claim;
                uint64_t size;

                claim.without_evidence = true;
                AuditReport report = verify_invalid_claim(state, &claim, &size);
                bool right = invalid_claims[i].recorded
                                     ? report.outcome == AUDIT_BROKEN && report.at == size
                                     : report.n_unproven == 1 && report.outcome < AUDIT_BROKEN;
                if (!right || report.error != invalid_claims[i].recorded)
                        fail_msg("%s: %s, %s", invalid_claims[i].what, audit_outcome_name(report.outcome),
                                 report.error ? devbox_error_code(report.error) : "no error");
        }
}

/* Only what the manifest redacts, and content, may be missing. */
static void test_redacted_without_reason(void **state)
{
        uint64_t size;
        AuditReport report = verify_invalid_claim(
                state, &(Claim){ .entry = "ls-home", .redact_all = true, .without_evidence = true }, &size);

        assert_true(report.outcome < AUDIT_BROKEN);
        assert_int_equal(report.n_redacted, 1);
        assert_int_equal(report.n_unproven, 1);
}

/* Another request with the nonce of one that was accepted. */
static void test_repeated_nonce(void **state)
{
        LedgerWorld *world = *state;

        assert_int_equal(ledger_world_judge(world, &(Case){ 0 }), 0);
        ledger_world_close(world);
        auditor_claim(
                world,
                &(Claim){ { .request = { { "01K75A3Q000000000000000001", "01K75A3Q000000000000000002" } } },
                          .entry = "ls-home" });
        AuditReport report = auditor_verify(world, &(Auditor){ .roots = &world->made.root, .n_roots = 1 });
        assert_int_equal(report.outcome, AUDIT_BROKEN);
        assert_non_null(strstr(report.why, "nonce"));
        assert_int_equal(report.n_judged, 1);
}

/* The request has expired from the chain, and the clock steps back to when it was valid. */
static void test_repeated_request(void **state)
{
        LedgerWorld *world = *state;
        const int64_t days = 2 * (int64_t) REQUEST_KEEP_MS;
        _cleanup_(freep) char *result = NULL;

        assert_int_equal(ledger_world_judge(world, &(Case){ 0 }), 0);
        assert_int_equal(worker_stub_finish(world, "01K75A3Q000000000000000001", RESULT_FAILED, &result), 0);
        world->time.now_ms += (uint64_t) days;
        world->made.shift_ms = days;
        auditor_run(world, 1);
        uint64_t size = ledger_world_size(world);
        ledger_world_close(world);
        world->time.now_ms -= (uint64_t) days;
        world->made.shift_ms = 0;
        auditor_claim(world, &(Claim){ .entry = "ls-home" });
        for (int exported = 0; exported <= 1; exported++) {
                AuditReport report = auditor_verify(
                        world, &(Auditor){ .roots = &world->made.root, .n_roots = 1, .exported = exported });

                assert_int_equal(report.outcome, AUDIT_BROKEN);
                assert_int_equal(report.at, size + 1); /* behind the entry about the clock */
                assert_non_null(strstr(report.why, "long before"));
                assert_int_equal(report.n_judged, 2);
        }
}

static void test_started_too_late(void **state)
{
        static const struct {
                uint64_t later_ms;
                AuditOutcome outcome;
        } rows[] = { { 50000 + 30000, AUDIT_UNWITNESSED }, { 50000 + 30001, AUDIT_BROKEN } };
        char id[] = "01K75A3Q000000000000000001";

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                LedgerWorld *world = *state;
                _cleanup_(signed_bundle_done) SignedBundle bundle = { 0 };

                signed_bundle(&world->made, &(Case){ 0 }, &bundle);
                assert_int_equal(ledger_world_judge(world, &(Case){ 0 }), 0);
                ledger_world_close(world);
                world->time.now_ms += rows[i].later_ms;
                auditor_append(world, AUDIT_REQUEST_STARTED,
                               &(AuditBody){ .request_id = id, .request_sha256 = bundle.digest });
                AuditReport report =
                        auditor_verify(world, &(Auditor){ .roots = &world->made.root, .n_roots = 1 });
                assert_int_equal(report.outcome, rows[i].outcome);
                assert_ok(ledger_world_down(state));
                assert_ok(ledger_world_up(state));
        }
}

/* Accepts the request of `given`, and appends a start of it later. */
static AuditReport verify_start(LedgerWorld *world, const Case *given, uint64_t later_ms)
{
        _cleanup_(signed_bundle_done) SignedBundle bundle = { 0 };
        char id[] = "01K75A3Q000000000000000001";

        signed_bundle(&world->made, given, &bundle);
        assert_int_equal(ledger_world_judge(world, given), 0);
        ledger_world_close(world);
        world->time.now_ms += later_ms;
        auditor_append(world, AUDIT_REQUEST_STARTED,
                       &(AuditBody){ .request_id = id, .request_sha256 = bundle.digest });
        return auditor_verify(world, &(Auditor){ .roots = &world->made.root, .n_roots = 1 });
}

static void install_edited(LedgerWorld *world, const Edit *edit)
{
        const Edit edits[] = { { "\"version\":7", "\"version\":8" }, *edit };
        _cleanup_(freep) char *manifest = signed_manifest(&world->made, edits, 2, KEY_MANIFEST);
        ManifestInstalled installed;

        assert_int_equal(ledger_install_manifest(world->ledger, manifest, &installed), 0);
}

/* The manifest that allows the request allows its start no longer than its hours, and than it is valid. */
static void test_started_without_permission(void **state)
{
        static const struct {
                const char *what;
                Edit edit;
                uint64_t later_ms;
                bool broken;
                DevboxError error;
        } rows[] = {
                { "within its hours", { "00:00-24:00", "00:00-08:54" }, 29999, false, 0 },
                { "after its hours",
                  { "00:00-24:00", "00:00-08:54" },
                  30000,
                  true,
                  DEVBOX_ERROR_OUTSIDE_WINDOW },
                { "before it expires", { "1762000000000", "1760000020001" }, 10000, false, 0 },
                { "expired", { "1762000000000", "1760000020000" }, 10001, true, 0 },
        };
        static const Case df = { .request = { { "\"version\":7", "\"version\":8" },
                                              ARGS("{\"argv\":[\"/usr/bin/df\",\"-h\"]}") } };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                assert_ok(ledger_world_down(state));
                assert_ok(ledger_world_up(state));
                install_edited(*state, &rows[i].edit);
                AuditReport report = verify_start(*state, &df, rows[i].later_ms);
                if (report.outcome != (rows[i].broken ? AUDIT_BROKEN : AUDIT_UNWITNESSED) ||
                    (rows[i].error && report.error != rows[i].error))
                        fail_msg("%s: %s, %s", rows[i].what, audit_outcome_name(report.outcome),
                                 report.error ? devbox_error_code(report.error) : "no error");
        }
}

/* The root removed the key that signed the manifest; the device ignores that. */
static void test_void_manifest(void **state)
{
        LedgerWorld *world = *state;
        Sha256 digests[2];

        install_next_root(world, "\"@stranger@\"", digests);
        ledger_world_close(world);
        auditor_claim(world, &(Claim){ .entry = "ls-home" });
        AuditReport report = auditor_verify(world, &(Auditor){ .roots = digests, .n_roots = 2 });
        assert_int_equal(report.outcome, AUDIT_BROKEN);
        assert_non_null(strstr(report.why, "void"));
}

/* What was accepted before is not started after it. */
static void test_started_under_a_void_manifest(void **state)
{
        LedgerWorld *world = *state;
        _cleanup_(signed_bundle_done) SignedBundle bundle = { 0 };
        char id[] = "01K75A3Q000000000000000001";
        Sha256 digests[2];

        signed_bundle(&world->made, &(Case){ 0 }, &bundle);
        assert_int_equal(ledger_world_judge(world, &(Case){ 0 }), 0);
        install_next_root(world, "\"@stranger@\"", digests);
        assert_int_equal(worker_stub_start(world, id), DEVBOX_ERROR_MANIFEST_MISSING);
        ledger_world_close(world);
        auditor_append(world, AUDIT_REQUEST_STARTED,
                       &(AuditBody){ .request_id = id, .request_sha256 = bundle.digest });
        AuditReport report = auditor_verify(world, &(Auditor){ .roots = digests, .n_roots = 2 });
        assert_int_equal(report.outcome, AUDIT_BROKEN);
        assert_non_null(strstr(report.why, "void"));
}

/* The present key of the device signed another history than the chain has, of the time before that key. */
static void test_another_history(void **state)
{
        LedgerWorld *world = *state;
        const Edit edits[] = { { "\"version\":7", "\"version\":8" }, { "\"@device@\"", "\"@root-c@\"" } };
        _cleanup_(freep) char *manifest = signed_manifest(&world->made, edits, 2, KEY_MANIFEST);
        ManifestInstalled installed;

        ledger_world_close(world);
        ledger_world_set_key(world, KEY_ROOT_C);
        ledger_world_open(world);
        assert_int_equal(ledger_install_manifest(world->ledger, manifest, &installed), 0);
        for (int other = 0; other <= 1; other++) {
                _cleanup_(envelope_freep) Envelope *right = NULL, *envelope = NULL;
                _cleanup_(freep) char *text = NULL, *said = NULL;
                Checkpoint checkpoint;

                assert_int_equal(ledger_checkpoint(world->ledger, 3, &text), 0);
                assert_ok(envelope_parse(bytes_of_string(text), CHECKPOINT_TEXT_MAX, &right));
                assert_ok(checkpoint_parse(envelope_payload(right), &checkpoint));
                checkpoint.head.bytes[0] ^= (uint8_t) other;
                assert_ok(checkpoint_sign(&checkpoint, world_key(KEY_ROOT_C), &envelope));
                assert_ok(envelope_sign(envelope, CHECKPOINT_WITNESS_ROLE, world_key(KEY_WITNESS)));
                assert_ok(envelope_format(envelope, &said));
                AuditReport report = auditor_verify(world, &(Auditor){ .roots = &world->made.root,
                                                                       .n_roots = 1,
                                                                       .statements = &said,
                                                                       .n_statements = 1 });
                assert_int_equal(report.outcome, other ? AUDIT_FORK : AUDIT_OK);
                assert_int_equal(report.n_ignored, 0);
        }
}

/* A manifest that the device made up. */
static void test_manifest_of_an_unknown_signer(void **state)
{
        LedgerWorld *world = *state;
        const Edit edits[] = { { "\"version\":7", "\"version\":8" } };
        _cleanup_(freep) char *text = signed_manifest(&world->made, edits, 1, KEY_STRANGER);
        _cleanup_(envelope_freep) Envelope *envelope = NULL;
        Database *database;
        ChainTransaction write;
        Chain chain;
        char path[128];

        ledger_world_close(world);
        auditor_path(world, path);
        assert_int_equal(envelope_parse(bytes_of_string(text), ENVELOPE_PAYLOAD_MAX, &envelope), 0);
        assert_ok(database_open(path, DATABASE_OWN, &ledger_schema, &database));
        assert_ok(chain_init(&chain, database));
        assert_ok(chain_transaction_begin(&chain, &write));
        assert_int_equal(
                chain_append(&write, AUDIT_MANIFEST, world->time.now_ms,
                             &(AuditBody){ .epoch = 1, .version = 8, .sha256 = world->made.manifest }, NULL),
                0);
        assert_ok(evidence_keep(database, NULL, envelope));
        assert_ok(chain_transaction_commit(&write));
        database_close(database);

        AuditReport report = auditor_verify(world, &(Auditor){ .roots = &world->made.root, .n_roots = 1 });
        assert_int_equal(report.outcome, AUDIT_BROKEN);
        assert_int_equal(report.error, DEVBOX_ERROR_MANIFEST_INVALID_SIGNATURE);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                ledger_test(test_valid_history),
                ledger_test(test_redacted),
                ledger_test(test_altered_evidence),
                ledger_test(test_under_a_new_root),
                ledger_test(test_under_a_future_root),
                ledger_test(test_invalid_acceptances),
                ledger_test(test_invalid_acceptances_without_evidence),
                ledger_test(test_redacted_without_reason),
                ledger_test(test_repeated_nonce),
                ledger_test(test_repeated_request),
                ledger_test(test_started_too_late),
                ledger_test(test_started_without_permission),
                ledger_test(test_started_under_a_void_manifest),
                ledger_test(test_void_manifest),
                ledger_test(test_another_history),
                ledger_test(test_manifest_of_an_unknown_signer),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
