/* SPDX-License-Identifier: MIT */
/* A hub that witnesses a device: growth is countersigned, and nothing else is. */

#include <stdio.h>

#include "ledger-world.h"
#include "proto/checkpoint.h"

typedef struct Copies {
        AuditEntry entries[4096];
        size_t n;
} Copies;

static int copy_entry(const AuditEntry *entry, void *userdata)
{
        Copies *copies = userdata;
        char *body = malloc(entry->body.size);

        assert_true(copies->n < ELEMENTSOF(copies->entries));
        assert_non_null(body);
        memcpy(body, entry->body.data, entry->body.size);
        copies->entries[copies->n] = *entry;
        copies->entries[copies->n++].body.data = (uint8_t *) body;
        return 0;
}

static void copies_free(Copies *copies)
{
        for (size_t i = 0; i < copies->n; i++)
                free((void *) copies->entries[i].body.data);
        free(copies);
}

static Copies *copy_chain(LedgerWorld *device)
{
        Copies *copies = calloc(1, sizeof *copies);

        assert_non_null(copies);
        assert_ok(ledger_export(device->ledger, &(LedgerRange){ .max = UINT64_MAX }, copy_entry, copies));
        return copies;
}

typedef struct Pair {
        LedgerWorld *device, *hub;
} Pair;

static int pair_up(void **state)
{
        Pair *pair = calloc(1, sizeof *pair);
        LedgerStatus status;
        void *world = NULL;

        assert_non_null(pair);
        assert_int_equal(ledger_world_up(&world), 0);
        pair->device = world;
        assert_int_equal(ledger_world_up_empty(&world), 0);
        pair->hub = world;
        ledger_world_close(pair->hub);
        ledger_world_set_key(pair->hub, KEY_WITNESS);
        ledger_world_open(pair->hub);
        ledger_status(pair->device->ledger, &status);
        assert_int_equal(ledger_pin(pair->hub->ledger, "dev-a", &status.chain, &status.key), 0);
        *state = pair;
        return 0;
}

static int pair_down(void **state)
{
        Pair *pair = *state;

        assert_int_equal(ledger_world_down((void **) &pair->device), 0);
        assert_int_equal(ledger_world_down((void **) &pair->hub), 0);
        free(pair);
        return 0;
}

static void grow(Pair *pair, int n)
{
        while (n-- > 0)
                ledger_world_begin_session(pair->device);
}

static uint64_t seen(Pair *pair)
{
        ReplicaStatus status;

        assert_int_equal(ledger_replica(pair->hub->ledger, "dev-a", &status), 0);
        free(status.checkpoint);
        return status.size;
}

/* What an auditor finds on the hub is what the hub signed. */
static void assert_kept(Pair *pair, const char *cosigned)
{
        ReplicaStatus status;

        assert_int_equal(ledger_replica(pair->hub->ledger, "dev-a", &status), 0);
        assert_string_equal(status.checkpoint, cosigned);
        free(status.checkpoint);
}

/* Shows the hub the first `size` entries, from what it has seen on. */
static int show(Pair *pair, const Copies *copies, uint64_t size, char **ret_cosigned)
{
        _cleanup_(freep) char *checkpoint = NULL, *cosigned = NULL;
        uint64_t from = MIN(seen(pair), size);

        assert_int_equal(ledger_checkpoint(pair->device->ledger, size, &checkpoint), 0);
        int r = ledger_witness(pair->hub->ledger, checkpoint,
                               (AuditEntries){ copies->entries + from, size - from }, &cosigned);
        if (r == 0 && ret_cosigned)
                *ret_cosigned = TAKE_PTR(cosigned);
        return r;
}

static void test_growth_is_countersigned(void **state)
{
        Pair *pair = *state;

        for (int i = 0; i < 5; i++) {
                _cleanup_(freep) char *cosigned = NULL, *body = NULL;
                uint16_t type;

                grow(pair, i * 10);
                Copies *copies = copy_chain(pair->device);
                assert_int_equal(show(pair, copies, copies->n, &cosigned), 0);
                assert_int_equal(show(pair, copies, copies->n, NULL), 0); /* it may ask again */
                assert_true(seen(pair) == copies->n);
                assert_kept(pair, cosigned);

                assert_int_equal(ledger_record_cosignature(pair->device->ledger, cosigned), 0);
                body = ledger_world_entry(pair->device, 1, &type);
                assert_int_equal(type, AUDIT_CHECKPOINT);
                copies_free(copies);
        }
        ledger_world_verify(pair->device);

        Copies *kept = calloc(1, sizeof *kept), *own = copy_chain(pair->device);
        assert_ok(ledger_export(pair->hub->ledger, &(LedgerRange){ .device = "dev-a", .max = UINT64_MAX },
                                copy_entry, kept));
        assert_int_equal(kept->n, own->n - 1); /* all but the last cosignature */
        for (size_t i = 0; i < kept->n; i++)
                assert_true(sha256_equal(&kept->entries[i].hash, &own->entries[i].hash));
        copies_free(kept);
        copies_free(own);
}

static void test_a_cosignature_alone_is_worth_no_checkpoint(void **state)
{
        Pair *pair = *state;
        _cleanup_(freep) char *cosigned = NULL, *checkpoint = NULL, *none = NULL;
        Copies *copies = copy_chain(pair->device);

        assert_int_equal(ledger_flush(pair->device->ledger, &checkpoint), 0);
        assert_int_equal(show(pair, copies, copies->n, &cosigned), 0);
        assert_int_equal(ledger_record_cosignature(pair->device->ledger, cosigned), 0);
        assert_false(ledger_flush_wanted(pair->device->ledger));
        assert_int_equal(ledger_flush(pair->device->ledger, &none), 0);
        assert_null(none);
        copies_free(copies);
}

static void assert_proofs(const Pair *pair, int64_t n)
{
        ledger_world_close(pair->hub);
        assert_int_equal(ledger_world_query(pair->hub, "SELECT count(*) FROM replica_proof"), n);
        ledger_world_open(pair->hub);
}

/* What was true once and comes late, out of order or again, is refused and no more. */
static void test_old_statements_are_only_stale(void **state)
{
        Pair *pair = *state;
        _cleanup_(freep) char *cosigned = NULL;

        grow(pair, 20);
        Copies *copies = copy_chain(pair->device);
        assert_int_equal(show(pair, copies, copies->n / 2, NULL), 0);
        assert_int_equal(show(pair, copies, copies->n, &cosigned), 0);
        for (uint64_t size = 1; size < copies->n; size++)
                assert_int_equal(show(pair, copies, size, NULL), DEVBOX_ERROR_WITNESS_STALE);

        assert_true(seen(pair) == copies->n);
        assert_kept(pair, cosigned);
        assert_proofs(pair, 0);
        copies_free(copies);

        grow(pair, 1);
        copies = copy_chain(pair->device);
        assert_int_equal(show(pair, copies, copies->n, NULL), 0);
        copies_free(copies);
}

/* What a device says that was set back to its first `left` entries and then made one more. */
static char *say_set_back(const Pair *pair, const Copies *copies, uint64_t left, uint32_t nonce)
{
        _cleanup_(envelope_freep) Envelope *envelope = NULL;
        Checkpoint claimed = { .device = "dev-a", .size = left + 1 };
        LedgerStatus status;
        AuditEntry entry;
        AuditWalk walk;
        char *text = NULL;

        ledger_status(pair->device->ledger, &status);
        audit_walk_resume(&walk, &status.chain, left, &copies->entries[left - 1].hash);
        audit_walk_append(&walk, AUDIT_SESSION, WORLD_NOW, BYTES_OF(nonce), &entry);
        claimed.chain = status.chain;
        claimed.head = entry.hash;
        assert_ok(checkpoint_sign(&claimed, world_key(KEY_DEVICE), &envelope));
        assert_ok(envelope_format(envelope, &text));
        return text;
}

/* A chain that is cut back anywhere, and a device that goes on from there and says so. */
static void test_a_thousand_cuts_are_all_noticed(void **state)
{
        Pair *pair = *state;
        LedgerStatus status;
        uint32_t random = 7;

        grow(pair, 60);
        ledger_status(pair->device->ledger, &status);
        Copies *copies = copy_chain(pair->device);
        assert_int_equal(show(pair, copies, copies->n, NULL), 0);
        for (int i = 0; i < 1000; i++) {
                random = random * 1103515245 + 12345;
                uint64_t left = 1 + (random >> 8) % (copies->n - 2);
                _cleanup_(freep) char *said = say_set_back(pair, copies, left, random), *cosigned = NULL;

                assert_int_equal(show(pair, copies, left, NULL), DEVBOX_ERROR_WITNESS_STALE);
                assert_int_equal(ledger_witness(pair->hub->ledger, said, (AuditEntries){ 0 }, &cosigned),
                                 DEVBOX_ERROR_WITNESS_ROLLBACK);

                /* From then on it is believed nothing, until a person looked. */
                assert_int_equal(show(pair, copies, copies->n, NULL), DEVBOX_ERROR_WITNESS_ROLLBACK);
                assert_int_equal(ledger_pin(pair->hub->ledger, "dev-a", &status.chain, &status.key), 0);
        }
        assert_int_equal(show(pair, copies, copies->n, NULL), 0);
        copies_free(copies);
        assert_proofs(pair, 1000);
}

/* ---- 12: a database is put back to what it was before a run */

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
        assert_int_equal(ledger_started(device->ledger, WORLD_ID), 0);
        assert_int_equal(
                ledger_finish(device->ledger, WORLD_ID, &(Result){ .status = RESULT_FINISHED }, &result), 0);
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

static void test_12_a_restored_database(void **state)
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
        Copies *copies = copy_chain(device);
        assert_int_equal(show(pair, copies, copies->n, &cosigned), 0);
        copies_free(copies);
        uint64_t size = ledger_world_size(pair->hub);

        ledger_world_close(device);
        ledger_world_restore(device);
        ledger_world_open(device);

        /* It says what it said before, which covers nothing of what it forgot. */
        assert_int_equal(ledger_witness(pair->hub->ledger, old, (AuditEntries){ 0 }, &none),
                         DEVBOX_ERROR_WITNESS_STALE);
        assert_true(ledger_world_size(pair->hub) == size);

        /* The request is unknown here, but its session is over; also in a new delivery of that session. */
        for (int i = 0; i < 2; i++) {
                ledger_world_put(device, &bundle, &answer);
                assert_int_equal(answer.error, DEVBOX_ERROR_SESSION_MISMATCH);
                ledger_answer_done(&answer);
                signed_deliver_again(&device->made, &bundle);
        }
        assert_int_equal(ledger_started(device->ledger, WORLD_ID), DEVBOX_ERROR_REQUEST_UNKNOWN);

        /* A new session begins with a statement, and that gives it away. */
        ledger_world_begin_session(device);
        assert_int_equal(ledger_checkpoint(device->ledger, 0, &next), 0);
        for (int i = 0; i < 2; i++)
                assert_int_equal(ledger_witness(pair->hub->ledger, next, (AuditEntries){ 0 }, &none),
                                 DEVBOX_ERROR_WITNESS_ROLLBACK);
        assert_true(ledger_world_size(pair->hub) == size + 1);
        assert_quarantined(pair, cosigned, next);
        assert_kept(pair, cosigned);
        assert_int_equal(ledger_witness(pair->hub->ledger, old, (AuditEntries){ 0 }, &none),
                         DEVBOX_ERROR_WITNESS_ROLLBACK); /* until a person looked */
        ledger_world_verify(pair->hub);
}

static void test_other_histories(void **state)
{
        Pair *pair = *state;
        _cleanup_(freep) char *checkpoint = NULL, *cosigned = NULL;
        Copies *copies;
        LedgerStatus status;

        grow(pair, 10);
        copies = copy_chain(pair->device);
        assert_int_equal(show(pair, copies, copies->n - 5, NULL), 0);
        uint64_t before = seen(pair);

        /* Entries that do not lead there prove nothing, and are not kept. */
        assert_int_equal(ledger_checkpoint(pair->device->ledger, 0, &checkpoint), 0);
        const struct {
                size_t from, n;
        } rows[] = { { before, 4 }, { before + 1, 4 }, { before - 1, 6 }, { before, 0 } };
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                assert_int_equal(ledger_witness(pair->hub->ledger, checkpoint,
                                                (AuditEntries){ copies->entries + rows[i].from, rows[i].n },
                                                &cosigned),
                                 DEVBOX_ERROR_WITNESS_FORK);
        copies->entries[before + 1].time_ms++;
        assert_int_equal(show(pair, copies, copies->n, NULL), DEVBOX_ERROR_WITNESS_FORK);
        copies->entries[before + 1].time_ms--;
        assert_int_equal(show(pair, copies, copies->n, NULL), 0);
        before = seen(pair);

        /* The same length with another head, signed: a restored image that went another way. */
        Checkpoint other = { .device = "dev-a", .size = before };
        _cleanup_(envelope_freep) Envelope *envelope = NULL;
        _cleanup_(freep) char *text = NULL;
        ledger_status(pair->device->ledger, &status);
        other.chain = status.chain;
        other.head = copies->entries[0].hash;
        assert_ok(checkpoint_sign(&other, world_key(KEY_DEVICE), &envelope));
        assert_ok(envelope_format(envelope, &text));
        assert_int_equal(ledger_witness(pair->hub->ledger, text, (AuditEntries){ 0 }, &cosigned),
                         DEVBOX_ERROR_WITNESS_FORK);
        assert_int_equal(show(pair, copies, copies->n, NULL), DEVBOX_ERROR_WITNESS_FORK); /* quarantine */
        copies_free(copies);
}

/* A statement has room for so many signatures; one that leaves none for ours is no failure of the disk. */
static void test_a_statement_full_of_signatures(void **state)
{
        static const WorldKey keys[] = { KEY_DEVICE, KEY_STRANGER, KEY_ROOT_A, KEY_ROOT_B };
        Pair *pair = *state;
        Checkpoint claimed = { .device = "dev-a" };
        _cleanup_(envelope_freep) Envelope *envelope = NULL;
        _cleanup_(freep) char *text = NULL, *cosigned = NULL;
        LedgerStatus status;
        char role[] = "a";

        ledger_status(pair->device->ledger, &status);
        claimed.chain = status.chain;
        claimed.size = status.size;
        claimed.head = status.head;
        assert_ok(checkpoint_sign(&claimed, world_key(KEY_DEVICE), &envelope));
        for (size_t i = 0; envelope->n_signatures < ENVELOPE_SIGNATURES_MAX; i++) {
                role[0] = (char) ('a' + i);
                assert_ok(envelope_sign(envelope, role, world_key(keys[i % ELEMENTSOF(keys)])));
        }
        assert_ok(envelope_format(envelope, &text));
        Copies *copies = copy_chain(pair->device);
        assert_int_equal(ledger_witness(pair->hub->ledger, text,
                                        (AuditEntries){ copies->entries, copies->n }, &cosigned),
                         DEVBOX_ERROR_BAD_ENVELOPE);
        assert_int_equal(show(pair, copies, copies->n, NULL), 0);
        copies_free(copies);
}

/* Enrolled with one chain, and its first word is of another. */
static void test_the_first_statement_is_of_the_enrolled_chain(void **state)
{
        Pair *pair = *state;
        Checkpoint claimed = { .device = "dev-a", .size = 1 };
        _cleanup_(envelope_freep) Envelope *envelope = NULL;
        _cleanup_(freep) char *text = NULL, *cosigned = NULL;
        ReplicaStatus replica;

        assert_ok(checkpoint_sign(&claimed, world_key(KEY_DEVICE), &envelope));
        assert_ok(envelope_format(envelope, &text));
        assert_int_equal(ledger_witness(pair->hub->ledger, text, (AuditEntries){ 0 }, &cosigned),
                         DEVBOX_ERROR_WITNESS_FORK);
        assert_int_equal(ledger_replica(pair->hub->ledger, "dev-a", &replica), 0);
        assert_int_equal(replica.quarantine, DEVBOX_ERROR_WITNESS_FORK);
        assert_proofs(pair, 1);
}

static void test_who_may_speak_for_a_device(void **state)
{
        Pair *pair = *state;
        LedgerStatus status;
        Checkpoint claimed = { .device = "dev-a", .size = 1 };
        _cleanup_(envelope_freep) Envelope *envelope = NULL, *unknown = NULL;
        _cleanup_(freep) char *forged = NULL, *elsewhere = NULL, *cosigned = NULL;
        ChainId other = { { 1 } };

        ledger_status(pair->device->ledger, &status);
        claimed.chain = status.chain;
        assert_ok(checkpoint_sign(&claimed, world_key(KEY_STRANGER), &envelope));
        assert_ok(envelope_format(envelope, &forged));
        assert_int_equal(ledger_witness(pair->hub->ledger, forged, (AuditEntries){ 0 }, &cosigned),
                         DEVBOX_ERROR_UNKNOWN_KEY);
        assert_int_equal(ledger_record_cosignature(pair->device->ledger, forged), DEVBOX_ERROR_UNKNOWN_KEY);
        assert_int_equal(ledger_witness(pair->hub->ledger, "{}", (AuditEntries){ 0 }, &cosigned),
                         DEVBOX_ERROR_BAD_ENVELOPE);

        memcpy(claimed.device, "dev-z", 6);
        assert_ok(checkpoint_sign(&claimed, world_key(KEY_DEVICE), &unknown));
        assert_ok(envelope_format(unknown, &elsewhere));
        assert_int_equal(ledger_witness(pair->hub->ledger, elsewhere, (AuditEntries){ 0 }, &cosigned),
                         DEVBOX_ERROR_PEER_UNKNOWN);
        assert_int_equal(ledger_pin(pair->hub->ledger, "dev-a", &other, &status.key),
                         DEVBOX_ERROR_ENROLLED_OTHERWISE);
        assert_int_equal(ledger_pin(pair->hub->ledger, "dev-a", &status.chain, &(PublicKey){ { 0 } }),
                         DEVBOX_ERROR_BAD_REQUEST);
}

int main(void)
{
#define witness_test(function) cmocka_unit_test_setup_teardown(function, pair_up, pair_down)
        const struct CMUnitTest tests[] = {
                witness_test(test_growth_is_countersigned),
                witness_test(test_a_cosignature_alone_is_worth_no_checkpoint),
                witness_test(test_old_statements_are_only_stale),
                witness_test(test_a_thousand_cuts_are_all_noticed),
                witness_test(test_12_a_restored_database),
                witness_test(test_other_histories),
                witness_test(test_a_statement_full_of_signatures),
                witness_test(test_the_first_statement_is_of_the_enrolled_chain),
                witness_test(test_who_may_speak_for_a_device),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
