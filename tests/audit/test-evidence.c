/* SPDX-License-Identifier: MIT */
/* Signed documents by their digest, from the lines of a file. The database is in test-audit-proof.c. */

#include "audit/evidence.h"

#include <stdio.h>

#include "trust/world.h"

static char *make_text(const char *payload, Sha256 *ret_digest)
{
        _cleanup_(envelope_freep) Envelope *envelope = WORLD_SIGN(ENVELOPE_REQUEST, payload, KEY_DISPATCHER);
        char *text;

        *ret_digest = envelope->digest;
        assert_ok(envelope_format(envelope, &text));
        return text;
}

static void test_lines(void **state)
{
        _cleanup_(audit_evidence_freep) AuditEvidence *evidence = NULL;
        _cleanup_(freep) char *all = strdup("\n");
        Sha256 digests[20], absent = { { 7 } };
        Envelope *envelope;
        unsigned line = 0;

        for (size_t i = 0; i < ELEMENTSOF(digests); i++) {
                char payload[32], *longer;

                (void) snprintf(payload, sizeof payload, "{\"n\":%zu}", i);
                _cleanup_(freep) char *text = make_text(payload, &digests[i]);
                assert_true(asprintf(&longer, "%s%s\n\n", all, text) > 0);
                free(all);
                all = longer;
        }

        assert_ok(audit_evidence_parse(all, &evidence, &line));
        for (size_t i = 0; i < ELEMENTSOF(digests); i++) {
                assert_int_equal(audit_evidence_find(evidence, &digests[i], &envelope), 1);
                assert_true(sha256_equal(&envelope->digest, &digests[i]));
                envelope_free(envelope);
        }
        assert_int_equal(audit_evidence_find(evidence, &absent, &envelope), 0);
}

static void test_empty(void **state)
{
        _cleanup_(audit_evidence_freep) AuditEvidence *evidence = NULL;
        Sha256 absent = { { 7 } };
        Envelope *envelope;
        unsigned line;

        assert_ok(audit_evidence_parse("", &evidence, &line));
        assert_int_equal(audit_evidence_find(evidence, &absent, &envelope), 0);
}

static void test_malformed_line(void **state)
{
        AuditEvidence *evidence;
        Sha256 digest;
        unsigned line = 0;
        char *all;

        _cleanup_(freep) char *text = make_text("{}", &digest);
        assert_true(asprintf(&all, "%s\n\n{}\n", text) > 0);
        assert_err(audit_evidence_parse(all, &evidence, &line), -EBADMSG);
        assert_int_equal(line, 3);
        free(all);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_lines),
                cmocka_unit_test(test_empty),
                cmocka_unit_test(test_malformed_line),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
