/* SPDX-License-Identifier: MIT */
/* Chains with valid hashes whose entries contradict each other. */

#include "audit-chain.h"

#include <stdio.h>

#include "audit/body.h"

typedef struct Added {
        AuditType type;
        const char *body;
} Added;

/* The first entries of the chain, and what a dishonest device appends. */
static AuditReport verify_with(size_t from, const Added *added, size_t n)
{
        _cleanup_(text_done) Text text = TEXT_NULL;
        AuditEntry entry;
        ChainCursor cursor;

        audit_write_head(AUDIT_FORM_JSON, &chain_identity, &text);
        for (size_t i = 0; i < from; i++)
                audit_write_entry(AUDIT_FORM_JSON, &chain.entries[i], &text);
        chain_cursor_resume(&cursor, &chain_identity.chain, from, &chain.at[from].head);
        for (size_t i = 0; i < n; i++) {
                chain_cursor_append(&cursor, (uint16_t) added[i].type, 1760000000400 + i,
                                    bytes_of_string(added[i].body), &entry);
                audit_write_entry(AUDIT_FORM_JSON, &entry, &text);
        }

        return chain_verify(text.data, text.size, NULL, true);
}

/* The caller frees it. */
static char *format_body(AuditType type, const AuditBody *body)
{
        char *text = NULL;

        assert_ok(audit_body_format(type, body, &text, NULL));
        return text;
}

#define FIRST 4 /* the first request: accepted, started and finished by these three entries */

static void test_requests_out_of_order(void **state)
{
        static const struct {
                const char *what;
                size_t from;
                AuditType type;
        } rows[] = {
                { "started, never accepted", FIRST, AUDIT_REQUEST_STARTED },
                { "finished, never accepted", FIRST, AUDIT_REQUEST_FINISHED },
                { "accepted twice", FIRST + 1, AUDIT_REQUEST_ACCEPTED },
                { "started twice", FIRST + 2, AUDIT_REQUEST_STARTED },
                { "accepted when it was started", FIRST + 2, AUDIT_REQUEST_ACCEPTED },
                { "finished twice", FIRST + 3, AUDIT_REQUEST_FINISHED },
                { "accepted when it was over", FIRST + 3, AUDIT_REQUEST_ACCEPTED },
                { "started when it was over", FIRST + 3, AUDIT_REQUEST_STARTED },
                { "accepted when it was long over", ENTRIES, AUDIT_REQUEST_ACCEPTED },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(freep) char *body = chain_request_body(rows[i].type, FIRST - 1);
                AuditReport report = verify_with(rows[i].from, &(Added){ rows[i].type, body }, 1);

                if (report.outcome != AUDIT_BROKEN || report.at != rows[i].from)
                        fail_msg("%s: %s at %d", rows[i].what, audit_outcome_name(report.outcome),
                                 (int) report.at);
        }
}

/* How a request may end that was only accepted, and one that was started. */
static void test_request_ends(void **state)
{
        static const struct {
                const char *status;
                AuditOutcome accepted, started;
        } rows[] = {
                { "finished", AUDIT_BROKEN, AUDIT_UNWITNESSED },
                { "timeout", AUDIT_BROKEN, AUDIT_UNWITNESSED },
                { "cancelled", AUDIT_UNWITNESSED, AUDIT_UNWITNESSED },
                { "failed", AUDIT_UNWITNESSED, AUDIT_UNWITNESSED },
                { "interrupted", AUDIT_UNWITNESSED, AUDIT_BROKEN },
                { "interrupted_unknown", AUDIT_BROKEN, AUDIT_UNWITNESSED },
                { "denied", AUDIT_BROKEN, AUDIT_BROKEN },
                { "made_up", AUDIT_BROKEN, AUDIT_BROKEN },
        };
        _cleanup_(freep) char *body = chain_request_body(AUDIT_REQUEST_FINISHED, FIRST - 1);

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(freep) char *ended = NULL;
                const char *status = strstr(body, "\"finished\"");

                assert_non_null(status);
                assert_true(asprintf(&ended, "%.*s\"%s%s", (int) (status - body), body, rows[i].status,
                                     status + strlen("\"finished")) > 0);
                const Added added = { AUDIT_REQUEST_FINISHED, ended };
                AuditOutcome accepted = verify_with(FIRST + 1, &added, 1).outcome;
                AuditOutcome started = verify_with(FIRST + 2, &added, 1).outcome;
                if (accepted != rows[i].accepted || started != rows[i].started)
                        fail_msg("%s: %s, %s", rows[i].status, audit_outcome_name(accepted),
                                 audit_outcome_name(started));
        }
}

/* Another request with the id of the accepted one. */
static void test_another_request_with_the_same_id(void **state)
{
        for (size_t i = FIRST + 1; i <= FIRST + 2; i++) {
                AuditType type = chain_type_at(i);
                _cleanup_(freep) char *body = chain_request_body(type, i - 1);
                char *digest = strstr(body, "\"request_sha256\":\"01");

                assert_non_null(digest);
                assert_int_equal(verify_with(i, &(Added){ type, body }, 1).outcome, AUDIT_UNWITNESSED);
                digest[strlen("\"request_sha256\":\"")] = 'f';
                AuditReport report = verify_with(i, &(Added){ type, body }, 1);
                assert_int_equal(report.outcome, AUDIT_BROKEN);
                assert_int_equal(report.at, i);
        }
}

static void test_adopted_key(void **state)
{
        AuditBody body = { .old_key = *key_pair_public(world_key(KEY_DEVICE)),
                           .key = *key_pair_public(world_key(KEY_STRANGER)),
                           .size = 4,
                           .head = chain.at[4].head };
        _cleanup_(freep) char *right = format_body(AUDIT_ADOPT, &body);

        body.old_key = body.key;
        _cleanup_(freep) char *wrong = format_body(AUDIT_ADOPT, &body);
        assert_int_equal(verify_with(4, &(Added){ AUDIT_ADOPT, right }, 1).outcome, AUDIT_UNWITNESSED);
        assert_int_equal(verify_with(4, &(Added){ AUDIT_ADOPT, wrong }, 1).outcome, AUDIT_BROKEN);
}

/* An adopted key must be followed by the manifest that names it. */
static void test_adopting_manifest(void **state)
{
        AuditBody adopt = { .old_key = *key_pair_public(world_key(KEY_DEVICE)),
                            .key = *key_pair_public(world_key(KEY_STRANGER)),
                            .sha256 = { { 9 } },
                            .size = 4,
                            .head = chain.at[4].head };
        AuditBody manifest = { .version = 2, .epoch = 1, .sha256 = { { 9 } } };
        AuditBody session = { .session = { 1 } };
        _cleanup_(freep) char *adopted = format_body(AUDIT_ADOPT, &adopt);
        _cleanup_(freep) char *right = format_body(AUDIT_MANIFEST, &manifest);
        _cleanup_(freep) char *other = format_body(AUDIT_SESSION, &session);
        manifest.sha256.bytes[0] = 8;
        _cleanup_(freep) char *wrong = format_body(AUDIT_MANIFEST, &manifest);
        const struct {
                Added next;
                AuditOutcome outcome;
        } rows[] = {
                { { AUDIT_MANIFEST, right }, AUDIT_UNWITNESSED },
                { { AUDIT_MANIFEST, wrong }, AUDIT_BROKEN },
                { { AUDIT_SESSION, other }, AUDIT_BROKEN },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                AuditReport report =
                        verify_with(4, (const Added[]){ { AUDIT_ADOPT, adopted }, rows[i].next }, 2);

                assert_int_equal(report.outcome, rows[i].outcome);
        }
}

/* A root that the auditor does not hold is counted. */
static void test_unknown_root(void **state)
{
        _cleanup_(freep) char *root =
                format_body(AUDIT_ROOT, &(AuditBody){ .version = 2, .epoch = 1, .sha256 = { { 9 } } });
        AuditReport report = verify_with(FIRST, &(Added){ AUDIT_ROOT, root }, 1);

        assert_int_equal(report.outcome, AUDIT_UNWITNESSED);
        assert_int_equal(report.n_unknown_roots, 1);
        assert_int_equal(verify_with(FIRST, NULL, 0).n_unknown_roots, 0);
}

/* Roots and manifests only go forward, here from version 1 and epoch 1 of both. */
static void test_roots_and_manifests(void **state)
{
        static const struct {
                const char *what;
                AuditType type;
                int64_t version, epoch;
                AuditOutcome outcome;
        } rows[] = {
                { "the next root", AUDIT_ROOT, 2, 1, AUDIT_UNWITNESSED },
                { "the next root of a new epoch", AUDIT_ROOT, 2, 2, AUDIT_UNWITNESSED },
                { "a root skipped", AUDIT_ROOT, 3, 1, AUDIT_BROKEN },
                { "an epoch skipped", AUDIT_ROOT, 2, 3, AUDIT_BROKEN },
                { "an epoch back", AUDIT_ROOT, 2, 0, AUDIT_BROKEN },
                { "another root 1", AUDIT_ROOT, 1, 1, AUDIT_BROKEN },
                { "a newer manifest", AUDIT_MANIFEST, 5, 1, AUDIT_UNWITNESSED },
                { "the same manifest", AUDIT_MANIFEST, 1, 1, AUDIT_BROKEN },
                { "a manifest of an epoch to come", AUDIT_MANIFEST, 2, 2, AUDIT_BROKEN },
                { "a manifest of an epoch that is over", AUDIT_MANIFEST, 2, 0, AUDIT_BROKEN },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                AuditBody body = { .version = rows[i].version, .epoch = rows[i].epoch, .sha256 = { { 9 } } };
                _cleanup_(freep) char *text = format_body(rows[i].type, &body);
                AuditReport report = verify_with(FIRST, &(Added){ rows[i].type, text }, 1);

                if (report.outcome != rows[i].outcome)
                        fail_msg("%s: %s", rows[i].what, audit_outcome_name(report.outcome));
        }
}

/* A manifest ends what was accepted under the one before: a new request that names that one is rejected,
 * too. */
static void test_started_under_another_manifest(void **state)
{
        _cleanup_(freep) char *started = chain_request_body(AUDIT_REQUEST_STARTED, FIRST - 1);
        _cleanup_(freep) char *manifest =
                format_body(AUDIT_MANIFEST, &(AuditBody){ .version = 2, .epoch = 1, .sha256 = { { 9 } } });
        const Added added[] = { { AUDIT_MANIFEST, manifest }, { AUDIT_REQUEST_STARTED, started } };
        AuditReport report = verify_with(FIRST + 1, added, 2);

        assert_int_equal(report.outcome, AUDIT_BROKEN);
        assert_int_equal(report.at, FIRST + 2);
        assert_int_equal(verify_with(FIRST + 1, &added[1], 1).outcome, AUDIT_UNWITNESSED);
}

/* A revocation records the tombstone before it. */
static void test_revocation_without_tombstone(void **state)
{
        AuditBody body = { .version = MANIFEST_TOMBSTONE, .epoch = 1, .sha256 = { { 9 } } };
        _cleanup_(freep) char *tombstone = format_body(AUDIT_MANIFEST, &body);
        _cleanup_(freep) char *revoke = format_body(AUDIT_REVOKE, &body);
        _cleanup_(freep) char *session = format_body(AUDIT_SESSION, &(AuditBody){ .session = { 1 } });
        body.version = 2;
        _cleanup_(freep) char *manifest = format_body(AUDIT_MANIFEST, &body);
        body.sha256.bytes[0] = 8;
        _cleanup_(freep) char *other = format_body(AUDIT_REVOKE, &body);
        const struct {
                const char *what;
                AuditOutcome outcome;
                Added added[3];
                size_t n;
        } rows[] = {
                { "after its tombstone",
                  AUDIT_UNWITNESSED,
                  { { AUDIT_MANIFEST, tombstone }, { AUDIT_REVOKE, revoke } },
                  2 },
                { "of another tombstone",
                  AUDIT_BROKEN,
                  { { AUDIT_MANIFEST, tombstone }, { AUDIT_REVOKE, other } },
                  2 },
                { "after a manifest",
                  AUDIT_BROKEN,
                  { { AUDIT_MANIFEST, manifest }, { AUDIT_REVOKE, revoke } },
                  2 },
                { "later",
                  AUDIT_BROKEN,
                  { { AUDIT_MANIFEST, tombstone }, { AUDIT_SESSION, session }, { AUDIT_REVOKE, revoke } },
                  3 },
                { "twice",
                  AUDIT_BROKEN,
                  { { AUDIT_MANIFEST, tombstone }, { AUDIT_REVOKE, revoke }, { AUDIT_REVOKE, revoke } },
                  3 },
                { "without a manifest", AUDIT_BROKEN, { { AUDIT_REVOKE, revoke } }, 1 },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                AuditReport report = verify_with(FIRST, rows[i].added, rows[i].n);

                if (report.outcome != rows[i].outcome)
                        fail_msg("%s: %s", rows[i].what, audit_outcome_name(report.outcome));
        }
}

/* A device enrolls once, right after the genesis, with its name and key. */
static void test_enrolment(void **state)
{
        static const struct {
                const char *device;
                WorldKey key;
                size_t at;
                AuditOutcome outcome;
        } rows[] = {
                { "dev-a", KEY_DEVICE, 1, AUDIT_UNWITNESSED },  { "dev-a", KEY_DEVICE, FIRST, AUDIT_BROKEN },
                { "dev-a", KEY_DEVICE, ENTRIES, AUDIT_BROKEN }, { "dev-b", KEY_DEVICE, 1, AUDIT_BROKEN },
                { "dev-a", KEY_STRANGER, 1, AUDIT_BROKEN },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                AuditBody body = { .device = (char *) rows[i].device,
                                   .key = *key_pair_public(world_key(rows[i].key)) };
                _cleanup_(freep) char *text = format_body(AUDIT_ENROLL, &body);
                AuditReport report = verify_with(rows[i].at, &(Added){ AUDIT_ENROLL, text }, 1);

                if (report.outcome != rows[i].outcome)
                        fail_msg("row %zu: %s", i, audit_outcome_name(report.outcome));
        }
}

/* After a tombstone, or in a new epoch without a manifest, requests are neither accepted nor started. */
static void test_revoked(void **state)
{
        _cleanup_(freep) char *started = chain_request_body(AUDIT_REQUEST_STARTED, FIRST - 1);
        _cleanup_(freep) char *accepted = chain_request_body(AUDIT_REQUEST_ACCEPTED, FIRST + 2);
        _cleanup_(freep) char *tombstone =
                format_body(AUDIT_MANIFEST,
                            &(AuditBody){ .version = MANIFEST_TOMBSTONE, .epoch = 1, .sha256 = { { 9 } } });
        _cleanup_(freep) char *epoch =
                format_body(AUDIT_ROOT, &(AuditBody){ .version = 2, .epoch = 2, .sha256 = { { 9 } } });
        _cleanup_(freep) char *root =
                format_body(AUDIT_ROOT, &(AuditBody){ .version = 2, .epoch = 1, .sha256 = { { 9 } } });
        const Added ends[] = { { AUDIT_MANIFEST, tombstone }, { AUDIT_ROOT, epoch } };
        const Added requests[] = { { AUDIT_REQUEST_STARTED, started },
                                   { AUDIT_REQUEST_ACCEPTED, accepted } };

        for (size_t i = 0; i < ELEMENTSOF(requests); i++) {
                for (size_t k = 0; k < ELEMENTSOF(ends); k++) {
                        AuditReport report =
                                verify_with(FIRST + 1, (const Added[]){ ends[k], requests[i] }, 2);

                        assert_int_equal(report.outcome, AUDIT_BROKEN);
                        assert_int_equal(report.at, FIRST + 2);
                }
                assert_int_equal(
                        verify_with(FIRST + 1, (const Added[]){ { AUDIT_ROOT, root }, requests[i] }, 2)
                                .outcome,
                        AUDIT_UNWITNESSED);
        }
}

static void test_accepted_under_another_manifest(void **state)
{
        _cleanup_(freep) char *body = chain_request_body(AUDIT_REQUEST_ACCEPTED, FIRST - 1);
        char *version = strstr(body, "\"version\":1");

        assert_non_null(version);
        assert_int_equal(verify_with(FIRST, &(Added){ AUDIT_REQUEST_ACCEPTED, body }, 1).outcome,
                         AUDIT_UNWITNESSED);
        version[strlen("\"version\":")] = '2';
        assert_int_equal(verify_with(FIRST, &(Added){ AUDIT_REQUEST_ACCEPTED, body }, 1).outcome,
                         AUDIT_BROKEN);
}

/* ---- countersignatures that the chain itself records */

static void test_recorded_countersignatures(void **state)
{
        _cleanup_(freep) uint8_t *pae = NULL;
        char text[CHECKPOINT_TEXT_MAX];
        size_t size;
        AuditBody body = { .size = 10,
                           .head = chain.at[10].head,
                           .witness = *key_pair_public(world_key(KEY_WITNESS)) };

        checkpoint_format(&chain.at[10], text);
        assert_ok(dsse_pae(ENVELOPE_CHECKPOINT, bytes_of_string(text), &pae, &size));
        ed25519_sign(world_key(KEY_WITNESS), BYTES(pae, size), &body.signature);
        _cleanup_(freep) char *right = format_body(AUDIT_CHECKPOINT, &body);

        body.head.bytes[0] ^= 1;
        _cleanup_(freep) char *other_history = format_body(AUDIT_CHECKPOINT, &body);
        body.head.bytes[0] ^= 1;
        body.signature.bytes[0] ^= 1;
        _cleanup_(freep) char *unsigned_one = format_body(AUDIT_CHECKPOINT, &body);
        body.signature.bytes[0] ^= 1;
        body.size = 20;
        _cleanup_(freep) char *too_long = format_body(AUDIT_CHECKPOINT, &body);

        /* Valid, but a cut right after it leaves it valid, so it confirms nothing. */
        assert_int_equal(verify_with(10, &(Added){ AUDIT_CHECKPOINT, right }, 1).outcome, AUDIT_UNWITNESSED);
        assert_int_equal(verify_with(14, &(Added){ AUDIT_CHECKPOINT, right }, 1).outcome, AUDIT_UNWITNESSED);

        const char *const wrong[] = { other_history, unsigned_one, too_long };
        for (size_t i = 0; i < ELEMENTSOF(wrong); i++)
                assert_int_equal(verify_with(12, &(Added){ AUDIT_CHECKPOINT, wrong[i] }, 1).outcome,
                                 AUDIT_BROKEN);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_requests_out_of_order),
                cmocka_unit_test(test_request_ends),
                cmocka_unit_test(test_another_request_with_the_same_id),
                cmocka_unit_test(test_accepted_under_another_manifest),
                cmocka_unit_test(test_adopted_key),
                cmocka_unit_test(test_adopting_manifest),
                cmocka_unit_test(test_unknown_root),
                cmocka_unit_test(test_roots_and_manifests),
                cmocka_unit_test(test_revoked),
                cmocka_unit_test(test_started_under_another_manifest),
                cmocka_unit_test(test_revocation_without_tombstone),
                cmocka_unit_test(test_enrolment),
                cmocka_unit_test(test_recorded_countersignatures),
        };

        return cmocka_run_group_tests(tests, chain_make, chain_free);
}
