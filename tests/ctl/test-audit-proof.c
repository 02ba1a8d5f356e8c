/* SPDX-License-Identifier: MIT */
/* What a device says it accepted, judged again by an auditor: first of a ledger that tells the truth, then
 * of a device that writes what it likes into its own chain, with every hash right. */

#include <stdio.h>

#include "basic/text.h"
#include "ctl/audit-verify.h"
#include "ledger-world.h"
#include "ledger/evidence.h"
#include "proto/audit-body.h"

static void database_path(const LedgerWorld *world, char path[static 128])
{
        (void) snprintf(path, 128, "%s/ledger.db", world->directory);
}

static int append_line(void *userdata, const char *envelope)
{
        text_appendf(userdata, "%s\n", envelope);
        return 0;
}

/* With the evidence of the database, or with what an export of it would hold. */
static void open_evidence(const char *path, AuditSource *source, bool exported, AuditEvidence **ret_evidence)
{
        _cleanup_(text_done) Text lines = TEXT_NULL;
        unsigned line;

        if (!exported) {
                assert_ok(audit_evidence_open(path, ret_evidence));
                return;
        }

        text_append(&lines, "");
        assert_ok(audit_source_evidence(source, append_line, &lines));
        assert_ok(audit_evidence_read(lines.data, ret_evidence, &line));
}

/* The auditor has the first root, and the second one if the test made it. */
static AuditReport verify(const LedgerWorld *world, const Sha256 *digests, size_t n_roots, bool exported)
{
        _cleanup_(audit_source_freep) AuditSource *source = NULL;
        _cleanup_(audit_verifier_freep) AuditVerifier *verifier = NULL;
        _cleanup_(audit_evidence_freep) AuditEvidence *evidence = NULL;
        AuditRoot roots[2] = { 0 };
        Root *parsed[2] = { NULL };
        AuditReport report;
        char path[128];

        database_path(world, path);
        assert_ok(audit_source_open(path, NULL, &source));
        open_evidence(path, source, exported, &evidence);
        for (size_t i = 0; i < n_roots; i++) {
                _cleanup_(envelope_freep) Envelope *envelope = NULL;

                assert_int_equal(audit_evidence_find(evidence, &digests[i], &envelope), 1);
                assert_ok(root_parse(envelope_payload(envelope), &parsed[i], NULL));
                roots[i] = (AuditRoot){ parsed[i]->version, digests[i], parsed[i] };
        }

        assert_ok(audit_verifier_new(
                audit_source_identity(source),
                &(AuditMeans){ .roots = roots, .n_roots = n_roots, .evidence = evidence }, &verifier));
        assert_ok(audit_verify(verifier, source, &report));
        for (size_t i = 0; i < n_roots; i++)
                root_free(parsed[i]);
        return report;
}

static void assert_whole(const AuditReport *report, size_t n_accepted, size_t n_proved)
{
        if (report->outcome != AUDIT_UNWITNESSED)
                fail_msg("%s at %d: %s: %s", audit_outcome_name(report->outcome), (int) report->at,
                         report->why, devbox_error_code(report->refusal));
        assert_int_equal(report->n_accepted, n_accepted);
        assert_int_equal(report->n_proved, n_proved);
}

/* The nth of the plain requests. */
static void run(LedgerWorld *world, unsigned n)
{
        Sibling sibling;

        sibling_init(&sibling, n);
        assert_int_equal(
                ledger_world_judge(world, &(Case){ .request = { sibling.edits[0], sibling.edits[1] } }), 0);
}

static void test_the_truth(void **state)
{
        LedgerWorld *world = *state;
        static const Case approved_by_two = {
                .request = RESTART,
                .approval = { { "\"reaction\"", "\"message\"" } },
                .second = { { "\"reaction\"", "\"message\"" }, { "@bob", "@eve" } },
                .n_approvals = 2,
        };

        run(world, 1);
        assert_int_equal(ledger_world_judge(world, &approved_by_two), 0);
        ledger_world_close(world);
        for (int exported = 0; exported <= 1; exported++) {
                AuditReport report = verify(world, &world->made.root, 1, exported);

                assert_whole(&report, 2, 2);
        }

        AuditReport report = verify(world, NULL, 0, false);
        assert_whole(&report, 2, 0); /* by no root, nothing is judged */
}

/* The request of which the chain keeps only digests is kept nowhere else. */
static void test_redacted(void **state)
{
        LedgerWorld *world = *state;

        assert_int_equal(ledger_world_judge(world, &(Case){ .request = WRITE, .n_approvals = 1 }), 0);
        ledger_world_close(world);
        AuditReport report = verify(world, &world->made.root, 1, false);
        assert_whole(&report, 1, 0);
}

static void test_evidence_that_was_changed(void **state)
{
        LedgerWorld *world = *state;

        run(world, 1);
        ledger_world_close(world);
        ledger_world_tamper(world, "UPDATE evidence SET envelope = (SELECT envelope FROM evidence LIMIT 1)");
        AuditReport report = verify(world, &world->made.root, 1, false);
        assert_whole(&report, 1, 0);
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

static void test_over_a_new_root(void **state)
{
        LedgerWorld *world = *state;
        Sha256 digests[2];

        run(world, 1);
        install_next_root(world, "\"@manifest@\"", digests);
        run(world, 2);
        ledger_world_close(world);
        AuditReport report = verify(world, digests, 2, false);
        assert_whole(&report, 2, 2);
}

/* ---- lies */

/* Writes into the chain of a closed ledger, as root on the device could, that the request was accepted now.
 */
static void claim(LedgerWorld *world, const Case *given, const char *mxid)
{
        _cleanup_(signed_bundle_done) SignedBundle bundle = { 0 };
        _cleanup_(envelope_freep) Envelope *envelope = NULL;
        _cleanup_(request_freep) Request *request = NULL;
        Database *database;
        Evidence evidence;
        ChainWrite write;
        Chain chain;
        char path[128];

        database_path(world, path);
        signed_bundle(&world->made, given, &bundle);
        assert_int_equal(envelope_parse(bytes_of_string(bundle.request), ENVELOPE_PAYLOAD_MAX, &envelope),
                         0);
        assert_int_equal(request_parse(envelope_payload(envelope), &request, NULL), 0);

        char entry[] = "ls-home";
        AuditBody body = { .request_id = request->request_id,
                           .request_sha256 = bundle.digest,
                           .capability = request->capability,
                           .entry = entry,
                           .mxid = mxid ? (char *) mxid : request->origin.mxid,
                           .manifest = request->manifest };
        assert_ok(audit_redact(request, &(Capability){ 0 }, &body.arguments, &body.arguments_sha256));

        assert_ok(database_open(path, DATABASE_OWN, &ledger_schema, &database));
        assert_ok(chain_init(&chain, database));
        assert_ok(evidence_init(&evidence, database));
        assert_ok(chain_write_begin(&chain, &write));
        assert_int_equal(chain_append(&write, AUDIT_REQUEST_ACCEPTED, world->time.now_ms, &body, NULL), 0);
        assert_ok(evidence_keep(&evidence, envelope));
        assert_ok(chain_write_commit(&write));
        evidence_done(&evidence);
        chain_done(&chain);
        database_close(database);
        free(body.arguments);
}

typedef struct Lie {
        const char *what;
        Case given;
        const char *mxid;
        DevboxError refusal;
} Lie;

static void test_lies(void **state)
{
        LedgerWorld *world = *state;
        static const Lie lies[] = {
                { "nobody that may signed",
                  { .request_key = KEY_STRANGER },
                  .refusal = DEVBOX_ERROR_UNKNOWN_KEY },
                { "another program",
                  { .request = { ARGS("{\"argv\":[\"/usr/bin/rm\"]}") } },
                  .refusal = DEVBOX_ERROR_BINARY_NOT_ALLOWED },
                { "other arguments",
                  { .request = { ARGS("{\"argv\":[\"/usr/bin/ls\",\"/\"]}") } },
                  .refusal = DEVBOX_ERROR_ARGS_DENIED },
                { "nobody approved it", { .request = RESTART }, .refusal = DEVBOX_ERROR_APPROVAL_MISSING },
                { "no operator asked",
                  { .request = { { "@ana", "@mallory" } } },
                  .refusal = DEVBOX_ERROR_OPERATOR_UNKNOWN },
                { "for another device",
                  { .request = { { "dev-a", "dev-b" } } },
                  .refusal = DEVBOX_ERROR_WRONG_DEVICE },
                { "it had expired",
                  { .request = { { "1760000060000", "1760000000001" },
                                 { "1760000000000", "1759999000000" } } },
                  .refusal = DEVBOX_ERROR_EXPIRED },
                { "in another's name", { .n_approvals = 0 }, .mxid = "@bob:hs.example" },
        };

        ledger_world_close(world);
        for (size_t i = 0; i < ELEMENTSOF(lies); i++) {
                assert_ok(ledger_world_down(state));
                assert_ok(ledger_world_up(state));
                world = *state;
                uint64_t size = ledger_world_size(world);
                ledger_world_close(world);
                claim(world, &lies[i].given, lies[i].mxid);
                AuditReport report = verify(world, &world->made.root, 1, false);
                if (report.outcome != AUDIT_BROKEN || report.at != size || report.refusal != lies[i].refusal)
                        fail_msg("%s: %s at %d, %s", lies[i].what, audit_outcome_name(report.outcome),
                                 (int) report.at,
                                 report.refusal ? devbox_error_code(report.refusal) : "no refusal");
                assert_non_null(report.why);
        }
}

/* Another request with the nonce of one that was accepted. */
static void test_a_nonce_again(void **state)
{
        LedgerWorld *world = *state;

        assert_int_equal(ledger_world_judge(world, &(Case){ 0 }), 0);
        ledger_world_close(world);
        claim(world,
              &(Case){ .request = { { "01K75A3Q000000000000000001", "01K75A3Q000000000000000002" } } },
              NULL);
        AuditReport report = verify(world, &world->made.root, 1, false);
        assert_int_equal(report.outcome, AUDIT_BROKEN);
        assert_non_null(strstr(report.why, "nonce"));
        assert_int_equal(report.n_proved, 1);
}

/* The root took away the key that signed the manifest; the device goes on as if it had not. */
static void test_a_manifest_that_is_void(void **state)
{
        LedgerWorld *world = *state;
        Sha256 digests[2];

        install_next_root(world, "\"@stranger@\"", digests);
        ledger_world_close(world);
        claim(world, &(Case){ 0 }, NULL);
        AuditReport report = verify(world, digests, 2, false);
        assert_int_equal(report.outcome, AUDIT_BROKEN);
        assert_non_null(strstr(report.why, "void"));
}

/* A manifest that the device made up. */
static void test_a_manifest_of_nobody(void **state)
{
        LedgerWorld *world = *state;
        const Edit edits[] = { { "\"version\":7", "\"version\":8" } };
        _cleanup_(freep) char *text = signed_manifest(&world->made, edits, 1, KEY_STRANGER);
        _cleanup_(envelope_freep) Envelope *envelope = NULL;
        Database *database;
        Evidence evidence;
        ChainWrite write;
        Chain chain;
        char path[128];

        ledger_world_close(world);
        database_path(world, path);
        assert_int_equal(envelope_parse(bytes_of_string(text), ENVELOPE_PAYLOAD_MAX, &envelope), 0);
        assert_ok(database_open(path, DATABASE_OWN, &ledger_schema, &database));
        assert_ok(chain_init(&chain, database));
        assert_ok(evidence_init(&evidence, database));
        assert_ok(chain_write_begin(&chain, &write));
        assert_int_equal(
                chain_append(&write, AUDIT_MANIFEST, world->time.now_ms,
                             &(AuditBody){ .epoch = 1, .version = 8, .sha256 = world->made.manifest }, NULL),
                0);
        assert_ok(evidence_keep(&evidence, envelope));
        assert_ok(chain_write_commit(&write));
        evidence_done(&evidence);
        chain_done(&chain);
        database_close(database);

        AuditReport report = verify(world, &world->made.root, 1, false);
        assert_int_equal(report.outcome, AUDIT_BROKEN);
        assert_int_equal(report.refusal, DEVBOX_ERROR_MANIFEST_INVALID_SIGNATURE);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                ledger_test(test_the_truth),
                ledger_test(test_redacted),
                ledger_test(test_evidence_that_was_changed),
                ledger_test(test_over_a_new_root),
                ledger_test(test_lies),
                ledger_test(test_a_nonce_again),
                ledger_test(test_a_manifest_that_is_void),
                ledger_test(test_a_manifest_of_nobody),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
