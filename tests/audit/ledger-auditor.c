/* SPDX-License-Identifier: MIT */
/* An auditor of a ledger in a directory. */

#include "ledger-auditor.h"

#include <stdio.h>

#include "audit/chain.h"
#include "basic/text.h"

#define ROOTS_MAX 1024

void auditor_path(const LedgerWorld *world, char ret_path[static 128])
{
        (void) snprintf(ret_path, 128, "%s/ledger.db", world->directory);
}

static int append_line(void *userdata, const char *envelope)
{
        text_appendf(userdata, "%s\n", envelope);
        return 0;
}

/* With the evidence of the database, or with what an export of it would hold. */
static AuditEvidence *open_evidence(AuditReader *reader, bool exported)
{
        _cleanup_(text_done) Text lines = TEXT_NULL;
        AuditEvidence *evidence;
        unsigned line;

        if (!exported) {
                assert_int_equal(audit_reader_open_evidence(reader, &evidence), 1);
                return evidence;
        }

        text_append(&lines, "");
        assert_ok(audit_reader_evidence(reader, append_line, &lines));
        assert_ok(audit_evidence_parse(lines.data, &evidence, &line));
        return evidence;
}

static void load_roots(const Auditor *auditor, AuditEvidence *evidence, AuditRoot *roots, Root **parsed)
{
        assert_true(auditor->n_roots <= ROOTS_MAX);
        for (size_t i = 0; i < auditor->n_roots; i++) {
                _cleanup_(envelope_freep) Envelope *envelope = NULL;

                assert_int_equal(audit_evidence_find(evidence, &auditor->roots[i], &envelope), 1);
                assert_ok(root_parse(envelope_payload(envelope), &parsed[i], NULL));
                roots[i] = (AuditRoot){ parsed[i]->version, auditor->roots[i], parsed[i] };
        }
}

static int add_checkpoint(void *userdata, const char *envelope)
{
        return audit_verifier_add_checkpoint(userdata, envelope);
}

AuditReport auditor_verify(const LedgerWorld *world, const Auditor *auditor)
{
        static AuditRoot roots[ROOTS_MAX];
        static Root *parsed[ROOTS_MAX];
        _cleanup_(audit_reader_freep) AuditReader *reader = NULL;
        _cleanup_(audit_verifier_freep) AuditVerifier *verifier = NULL;
        _cleanup_(audit_evidence_freep) AuditEvidence *evidence = NULL;
        AuditReport report;
        char path[128];

        auditor_path(world, path);
        assert_ok(audit_reader_open(path, auditor->device, &reader));
        evidence = open_evidence(reader, auditor->exported);
        load_roots(auditor, evidence, roots, parsed);
        assert_ok(audit_verifier_new(audit_reader_identity(reader),
                                     &(AuditMeans){ .roots = roots,
                                                    .n_roots = auditor->n_roots,
                                                    .evidence = auditor->no_evidence ? NULL : evidence,
                                                    .require_evidence = auditor->require_evidence,
                                                    .now_ms = auditor->now_ms },
                                     &verifier));
        for (size_t i = 0; i < auditor->n_statements; i++)
                assert_ok(audit_verifier_add_checkpoint(verifier, auditor->statements[i]));
        assert_ok(audit_reader_checkpoints(reader, add_checkpoint, verifier));
        assert_ok(audit_verify(verifier, reader, &report));
        for (size_t i = 0; i < auditor->n_roots; i++)
                root_free(parsed[i]);
        return report;
}

void auditor_assert_whole(const AuditReport *report, size_t n_accepted, size_t n_proved)
{
        if (report->outcome > AUDIT_UNWITNESSED)
                fail_msg("%s at %d: %s: %s", audit_outcome_name(report->outcome), (int) report->at,
                         report->why, report->error ? devbox_error_code(report->error) : "no error");
        assert_int_equal(report->n_accepted, n_accepted);
        assert_int_equal(report->n_judged, n_proved);
}

void auditor_run(LedgerWorld *world, unsigned n)
{
        Sibling sibling;

        sibling_init(&sibling, n);
        assert_int_equal(
                ledger_world_judge(world, &(Case){ .request = { sibling.edits[0], sibling.edits[1] } }), 0);
}

/* ---- a dishonest device */

/* Appends an entry, and the document behind it if there is one. */
static void write_entry(LedgerWorld *world, AuditType type, const AuditBody *body, const Envelope *document)
{
        Database *database;
        ChainTransaction transaction;
        Chain chain;
        char path[128];

        auditor_path(world, path);
        assert_ok(database_open(path, DATABASE_OWN, &ledger_schema, &database));
        assert_ok(chain_init(&chain, database));
        assert_ok(chain_transaction_begin(&chain, &transaction));
        assert_int_equal(chain_append(&transaction, type, world->time.now_ms, body, NULL), 0);
        if (document)
                assert_ok(evidence_keep(database, NULL, document));
        assert_ok(chain_transaction_commit(&transaction));
        database_close(database);
}

void auditor_append(LedgerWorld *world, AuditType type, const AuditBody *body)
{
        write_entry(world, type, body, NULL);
}

void auditor_claim(LedgerWorld *world, const Claim *claim)
{
        _cleanup_(signed_bundle_done) SignedBundle bundle = { 0 };
        _cleanup_(envelope_freep) Envelope *envelope = NULL;
        _cleanup_(request_freep) Request *request = NULL;
        const Capability nothing_redacted = { 0 };

        signed_bundle(&world->made, &claim->given, &bundle);
        assert_int_equal(envelope_parse(bytes_of_string(bundle.request), ENVELOPE_PAYLOAD_MAX, &envelope),
                         0);
        assert_int_equal(request_parse(envelope_payload(envelope), &request, NULL), 0);

        AuditBody body = { .request_id = request->request_id,
                           .request_sha256 = bundle.digest,
                           .capability = request->capability,
                           .entry = (char *) claim->entry,
                           .principal =
                                   claim->principal ? (char *) claim->principal : request->origin.principal,
                           .room = (char *) claim->room,
                           .manifest = request->manifest };
        assert_ok(audit_redact(request, claim->redact_all ? NULL : &nothing_redacted, &body.arguments,
                               &body.arguments_sha256));
        write_entry(world, AUDIT_REQUEST_ACCEPTED, &body, claim->without_evidence ? NULL : envelope);
        free(body.arguments);
}
