/* SPDX-License-Identifier: MIT */
/* The witness of a device whose database was truncated or restored. */

#include <stdio.h>

#include "witness-pair.h"
#include "worker-stub.h"

/* The checkpoint of a device that was restored to its first `left` entries and then made one more. */
static char *restored_checkpoint(const Pair *pair, const Copies *copies, uint64_t left, uint32_t nonce)
{
        _cleanup_(envelope_freep) Envelope *envelope = NULL;
        Checkpoint claimed = { .device = "dev-a", .size = left + 1 };
        LedgerStatus status;
        AuditEntry entry;
        ChainCursor walk;
        char *text = NULL;

        ledger_status(pair->device->ledger, &status);
        chain_cursor_resume(&walk, &status.chain, left, &copies->entries[left - 1].hash);
        chain_cursor_append(&walk, AUDIT_SESSION, WORLD_NOW, BYTES_OF(nonce), &entry);
        claimed.chain = status.chain;
        claimed.head = entry.hash;
        assert_ok(checkpoint_sign(&claimed, world_key(KEY_DEVICE), &envelope));
        assert_ok(envelope_format(envelope, &text));
        return text;
}

/* A chain that is truncated anywhere, and continued from there. */
static void test_restored_databases_are_detected(void **state)
{
        Pair *pair = *state;
        LedgerStatus status;
        uint32_t random = 7;

        pair_grow(pair, 60);
        ledger_status(pair->device->ledger, &status);
        Copies *copies = copies_of(pair->device);
        assert_int_equal(pair_show(pair, copies, copies->n, NULL), 0);
        for (int i = 0; i < 1000; i++) {
                random = random * 1103515245 + 12345;
                uint64_t left = 1 + (random >> 8) % (copies->n - 2);
                _cleanup_(freep) char *claim = restored_checkpoint(pair, copies, left, random),
                                      *cosigned = NULL;

                assert_int_equal(pair_show(pair, copies, left, NULL), DEVBOX_ERROR_WITNESS_STALE);
                assert_int_equal(
                        ledger_witness(pair->hub->ledger, claim, (AuditEntries){ 0 }, NULL, &cosigned),
                        DEVBOX_ERROR_WITNESS_ROLLBACK);

                /* From then on it is believed nothing, until a person looked. */
                assert_int_equal(pair_show(pair, copies, copies->n, NULL), DEVBOX_ERROR_WITNESS_ROLLBACK);
                assert_int_equal(ledger_pin(pair->hub->ledger, "dev-a", &status.chain, &status.key), 0);
        }
        assert_int_equal(pair_show(pair, copies, copies->n, NULL), 0);
        copies_free(copies);
        pair_assert_proofs(pair, 1000);
}

/* ---- 12: a database is restored from before a run */

#define WORLD_ID "01K75A3Q000000000000000001"

static void enroll_hub(LedgerWorld *hub)
{
        _cleanup_(freep) char *root = signed_root(&hub->made);
        Enrolment enrolment = { .device = "hub", .root = root, .root_sha256 = hub->made.root };

        assert_int_equal(ledger_enroll(hub->ledger, &enrolment), 0);
}

static void run(LedgerWorld *device, const SignedBundle *bundle)
{
        _cleanup_(ledger_answer_done) LedgerAnswer answer = LEDGER_ANSWER_NULL;
        _cleanup_(freep) char *result = NULL;

        ledger_world_put(device, bundle, &answer);
        assert_int_equal(answer.outcome, LEDGER_ACCEPTED);
        assert_int_equal(worker_stub_start(device, WORLD_ID), 0);
        assert_int_equal(worker_stub_finish(device, WORLD_ID, RESULT_FINISHED, &result), 0);
}

/* What the hub keeps of a device that contradicted itself: once, and both statements. */
static void assert_quarantined(Pair *pair, const char *seen, const char *claimed)
{
        _cleanup_(freep) char *body = ledger_world_entry(pair->hub, 1, NULL);
        char query[4096];

        assert_string_equal(body, "{\"device\":\"dev-a\",\"reason\":\"witness_rollback\"}");
        (void) snprintf(query, sizeof query,
                        "SELECT count(*) FROM replica_proof WHERE device = 'dev-a' AND "
                        "reason = 'witness_rollback' AND seen = '%s' AND claimed = '%s'",
                        seen, claimed);
        ledger_world_close(pair->hub);
        assert_int_equal(ledger_world_query(pair->hub, query), 1);
        assert_int_equal(ledger_world_query(pair->hub, "SELECT count(*) FROM replica_proof"), 1);
        ledger_world_open(pair->hub);
}

static void test_12_restored_database(void **state)
{
        Pair *pair = *state;
        LedgerWorld *device = pair->device;
        _cleanup_(signed_bundle_done) SignedBundle bundle = { 0 };
        _cleanup_(freep) char *cosigned = NULL, *old = NULL, *next = NULL, *none = NULL;
        LedgerAnswer answer;

        enroll_hub(pair->hub);
        ledger_world_close(device);
        ledger_world_save(device);
        ledger_world_open(device);
        assert_int_equal(ledger_checkpoint(device->ledger, 0, &old), 0);
        ledger_world_begin_session(device);
        signed_bundle(&device->made, &(Case){ 0 }, &bundle);
        run(device, &bundle);
        Copies *copies = copies_of(device);
        assert_int_equal(pair_show(pair, copies, copies->n, &cosigned), 0);
        copies_free(copies);
        uint64_t size = ledger_world_size(pair->hub);

        ledger_world_close(device);
        ledger_world_restore(device);
        ledger_world_open(device);

        /* It repeats its checkpoint, which covers nothing of what was lost. */
        assert_int_equal(ledger_witness(pair->hub->ledger, old, (AuditEntries){ 0 }, NULL, &none),
                         DEVBOX_ERROR_WITNESS_STALE);
        assert_true(ledger_world_size(pair->hub) == size);

        /* The request is unknown here, but its session is over; also in a new delivery of that session. */
        for (int i = 0; i < 2; i++) {
                ledger_world_put(device, &bundle, &answer);
                assert_int_equal(answer.error, DEVBOX_ERROR_SESSION_MISMATCH);
                ledger_answer_done(&answer);
                signed_deliver_again(&device->made, &bundle);
        }
        assert_int_equal(worker_stub_start(device, WORLD_ID), DEVBOX_ERROR_REQUEST_UNKNOWN);

        /* A new session begins with a checkpoint, which reveals it. */
        ledger_world_begin_session(device);
        assert_int_equal(ledger_checkpoint(device->ledger, 0, &next), 0);
        for (int i = 0; i < 2; i++)
                assert_int_equal(ledger_witness(pair->hub->ledger, next, (AuditEntries){ 0 }, NULL, &none),
                                 DEVBOX_ERROR_WITNESS_ROLLBACK);
        assert_true(ledger_world_size(pair->hub) == size + 1);
        assert_quarantined(pair, cosigned, next);
        pair_assert_kept(pair, cosigned);
        assert_int_equal(ledger_witness(pair->hub->ledger, old, (AuditEntries){ 0 }, NULL, &none),
                         DEVBOX_ERROR_WITNESS_ROLLBACK); /* until a person looked */
        ledger_world_verify(pair->hub);
}

/* Restored, and then longer than the hub has seen before its next checkpoint: its own entries reveal it. */
static void test_restored_database_after_growth(void **state)
{
        Pair *pair = *state;
        _cleanup_(freep) char *checkpoint = NULL, *cosigned = NULL;

        pair_grow(pair, 4);
        ledger_world_close(pair->device);
        ledger_world_save(pair->device);
        ledger_world_open(pair->device);
        pair_grow(pair, 4);
        Copies *copies = copies_of(pair->device);
        assert_int_equal(pair_show(pair, copies, copies->n, NULL), 0);
        uint64_t before = pair_seen(pair);
        copies_free(copies);

        ledger_world_close(pair->device);
        ledger_world_restore(pair->device);
        ledger_world_open(pair->device);
        pair_grow(pair, 8);
        copies = copies_of(pair->device);
        assert_true(copies->n > before + 2);
        assert_int_equal(ledger_checkpoint(pair->device->ledger, 0, &checkpoint), 0);

        /* Less than all of them, or ones that lead elsewhere, are no proof. */
        AuditEntries entries = { copies->entries + before, copies->n - before };
        entries.n--;
        assert_int_equal(ledger_witness(pair->hub->ledger, checkpoint, entries, NULL, &cosigned),
                         DEVBOX_ERROR_WITNESS_FORK);
        entries.n++;
        copies->entries[copies->n - 1].time_ms++;
        assert_int_equal(ledger_witness(pair->hub->ledger, checkpoint, entries, NULL, &cosigned),
                         DEVBOX_ERROR_WITNESS_FORK);
        copies->entries[copies->n - 1].time_ms--;
        pair_assert_proofs(pair, 0);
        assert_int_equal(ledger_witness(pair->hub->ledger, checkpoint, entries, NULL, &cosigned),
                         DEVBOX_ERROR_WITNESS_FORK);
        pair_assert_proofs(pair, 1);
        copies_free(copies);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                witness_test(test_restored_databases_are_detected),
                witness_test(test_12_restored_database),
                witness_test(test_restored_database_after_growth),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
