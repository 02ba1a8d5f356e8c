/* SPDX-License-Identifier: MIT */
/* An auditor of a ledger in a directory. */

#include "ledger-auditor.h"

#include <stdio.h>

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
        assert_ok(audit_reader_open(path, NULL, &reader));
        evidence = open_evidence(reader, auditor->exported);
        load_roots(auditor, evidence, roots, parsed);
        assert_ok(audit_verifier_new(
                audit_reader_identity(reader),
                &(AuditMeans){ .roots = roots, .n_roots = auditor->n_roots, .evidence = evidence },
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
                         report->why, report->error ? devbox_error_code(report->error) : "no refusal");
        assert_int_equal(report->n_accepted, n_accepted);
        assert_int_equal(report->n_judged, n_proved);
}
