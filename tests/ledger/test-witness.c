/* SPDX-License-Identifier: MIT */
/* A hub that witnesses a device: growth is countersigned, and nothing else is. */

#include "witness-pair.h"

static void test_growth_is_countersigned(void **state)
{
        Pair *pair = *state;

        for (int i = 0; i < 5; i++) {
                _cleanup_(freep) char *cosigned = NULL, *body = NULL;
                uint16_t type;

                pair_grow(pair, i * 10);
                Copies *copies = copies_of(pair->device);
                assert_int_equal(pair_show(pair, copies, copies->n, &cosigned), 0);
                assert_int_equal(pair_show(pair, copies, copies->n, NULL), 0); /* it may retry */
                assert_true(pair_seen(pair) == copies->n);
                pair_assert_kept(pair, cosigned);

                assert_int_equal(ledger_record_cosignature(pair->device->ledger, cosigned), 0);
                body = ledger_world_entry(pair->device, 1, &type);
                assert_int_equal(type, AUDIT_CHECKPOINT);
                copies_free(copies);
        }
        ledger_world_verify(pair->device);

        Copies *kept = calloc(1, sizeof *kept), *own = copies_of(pair->device);
        assert_ok(ledger_export(pair->hub->ledger, &(ChainRange){ .device = "dev-a", .max = UINT64_MAX },
                                copies_add, kept));
        assert_int_equal(kept->n, own->n - 1); /* all but the last cosignature */
        for (size_t i = 0; i < kept->n; i++)
                assert_true(sha256_equal(&kept->entries[i].hash, &own->entries[i].hash));
        copies_free(kept);
        copies_free(own);
}

static void test_cosignature_without_the_device_signature(void **state)
{
        Pair *pair = *state;
        _cleanup_(freep) char *cosigned = NULL, *checkpoint = NULL, *none = NULL;
        Copies *copies = copies_of(pair->device);

        assert_int_equal(ledger_flush(pair->device->ledger, &checkpoint), 0);
        assert_int_equal(pair_show(pair, copies, copies->n, &cosigned), 0);
        assert_int_equal(ledger_record_cosignature(pair->device->ledger, cosigned), 0);
        assert_false(ledger_flush_wanted(pair->device->ledger));
        assert_int_equal(ledger_flush(pair->device->ledger, &none), 0);
        assert_null(none);
        copies_free(copies);
}

/* A checkpoint that is late, out of order or repeated is rejected without further effect. */
static void test_old_checkpoints_are_stale(void **state)
{
        Pair *pair = *state;
        _cleanup_(freep) char *cosigned = NULL;

        pair_grow(pair, 20);
        Copies *copies = copies_of(pair->device);
        assert_int_equal(pair_show(pair, copies, copies->n / 2, NULL), 0);
        assert_int_equal(pair_show(pair, copies, copies->n, &cosigned), 0);
        for (uint64_t size = 1; size < copies->n; size++)
                assert_int_equal(pair_show(pair, copies, size, NULL), DEVBOX_ERROR_WITNESS_STALE);

        assert_true(pair_seen(pair) == copies->n);
        pair_assert_kept(pair, cosigned);
        pair_assert_proofs(pair, 0);
        copies_free(copies);

        pair_grow(pair, 1);
        copies = copies_of(pair->device);
        assert_int_equal(pair_show(pair, copies, copies->n, NULL), 0);
        copies_free(copies);
}

static void test_other_histories(void **state)
{
        Pair *pair = *state;
        _cleanup_(freep) char *checkpoint = NULL, *cosigned = NULL;
        Copies *copies;
        LedgerStatus status;

        pair_grow(pair, 10);
        copies = copies_of(pair->device);
        assert_int_equal(pair_show(pair, copies, copies->n - 5, NULL), 0);
        uint64_t before = pair_seen(pair);

        /* Entries that do not lead there prove nothing, and are not kept. */
        assert_int_equal(ledger_checkpoint(pair->device->ledger, 0, &checkpoint), 0);
        const struct {
                size_t from, n;
        } rows[] = { { before, 4 }, { before + 1, 4 }, { before - 1, 6 }, { before, 0 } };
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                assert_int_equal(ledger_witness(pair->hub->ledger, checkpoint,
                                                (AuditEntries){ copies->entries + rows[i].from, rows[i].n },
                                                NULL, &cosigned),
                                 DEVBOX_ERROR_WITNESS_FORK);
        copies->entries[before + 1].time_ms++;
        assert_int_equal(pair_show(pair, copies, copies->n, NULL), DEVBOX_ERROR_WITNESS_FORK);
        copies->entries[before + 1].time_ms--;
        assert_int_equal(pair_show(pair, copies, copies->n, NULL), 0);
        before = pair_seen(pair);

        /* The same length with another head, signed: a restored image that diverged. */
        Checkpoint other = { .device = "dev-a", .size = before };
        _cleanup_(envelope_freep) Envelope *envelope = NULL;
        _cleanup_(freep) char *text = NULL;
        ledger_status(pair->device->ledger, &status);
        other.chain = status.chain;
        other.head = copies->entries[0].hash;
        assert_ok(checkpoint_sign(&other, world_key(KEY_DEVICE), &envelope));
        assert_ok(envelope_format(envelope, &text));
        assert_int_equal(ledger_witness(pair->hub->ledger, text, (AuditEntries){ 0 }, NULL, &cosigned),
                         DEVBOX_ERROR_WITNESS_FORK);
        assert_int_equal(pair_show(pair, copies, copies->n, NULL),
                         DEVBOX_ERROR_WITNESS_FORK); /* quarantine */
        copies_free(copies);
}

/* A statement has room for so many signatures; one that leaves none for ours is no failure of the disk. */
static void test_checkpoint_full_of_signatures(void **state)
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
        Copies *copies = copies_of(pair->device);
        assert_int_equal(ledger_witness(pair->hub->ledger, text,
                                        (AuditEntries){ copies->entries, copies->n }, NULL, &cosigned),
                         DEVBOX_ERROR_BAD_ENVELOPE);
        assert_int_equal(pair_show(pair, copies, copies->n, NULL), 0);
        copies_free(copies);
}

/* Enrolled with one chain, and its first word is of another. */
static void test_first_checkpoint_is_of_the_enrolled_chain(void **state)
{
        Pair *pair = *state;
        Checkpoint claimed = { .device = "dev-a", .size = 1 };
        _cleanup_(envelope_freep) Envelope *envelope = NULL;
        _cleanup_(freep) char *text = NULL, *cosigned = NULL;
        ReplicaStatus replica;

        assert_ok(checkpoint_sign(&claimed, world_key(KEY_DEVICE), &envelope));
        assert_ok(envelope_format(envelope, &text));
        assert_int_equal(ledger_witness(pair->hub->ledger, text, (AuditEntries){ 0 }, NULL, &cosigned),
                         DEVBOX_ERROR_WITNESS_FORK);
        assert_int_equal(ledger_replica(pair->hub->ledger, "dev-a", &replica), 0);
        assert_int_equal(replica.quarantine, DEVBOX_ERROR_WITNESS_FORK);
        pair_assert_proofs(pair, 1);
}

static void test_signer_of_a_checkpoint(void **state)
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
        assert_int_equal(ledger_witness(pair->hub->ledger, forged, (AuditEntries){ 0 }, NULL, &cosigned),
                         DEVBOX_ERROR_UNKNOWN_KEY);
        assert_int_equal(ledger_record_cosignature(pair->device->ledger, forged), DEVBOX_ERROR_UNKNOWN_KEY);
        assert_int_equal(ledger_witness(pair->hub->ledger, "{}", (AuditEntries){ 0 }, NULL, &cosigned),
                         DEVBOX_ERROR_BAD_ENVELOPE);

        memcpy(claimed.device, "dev-z", 6);
        assert_ok(checkpoint_sign(&claimed, world_key(KEY_DEVICE), &unknown));
        assert_ok(envelope_format(unknown, &elsewhere));
        assert_int_equal(ledger_witness(pair->hub->ledger, elsewhere, (AuditEntries){ 0 }, NULL, &cosigned),
                         DEVBOX_ERROR_PEER_UNKNOWN);
        assert_int_equal(ledger_pin(pair->hub->ledger, "dev-a", &other, &status.key),
                         DEVBOX_ERROR_ENROLLED_OTHERWISE);
        assert_int_equal(ledger_pin(pair->hub->ledger, "dev-a", &status.chain, &(PublicKey){ { 0 } }),
                         DEVBOX_ERROR_BAD_REQUEST);
}

/* A hub cannot witness itself, under the name it has or is about to get. */
static void test_pin_of_the_own_name(void **state)
{
        Pair *pair = *state;
        _cleanup_(freep) char *root = signed_root(&pair->hub->made);
        Enrolment own = { .device = "dev-a", .root = root, .root_sha256 = pair->hub->made.root };
        LedgerStatus status;

        ledger_status(pair->device->ledger, &status);
        assert_int_equal(ledger_pin(pair->device->ledger, "dev-a", &status.chain, &status.key),
                         DEVBOX_ERROR_BAD_REQUEST);
        assert_int_equal(ledger_enroll(pair->hub->ledger, &own), DEVBOX_ERROR_ENROLLED_OTHERWISE);
        own.device = "hub";
        assert_int_equal(ledger_enroll(pair->hub->ledger, &own), 0);
        assert_int_equal(ledger_pin(pair->hub->ledger, "hub", &status.chain, &status.key),
                         DEVBOX_ERROR_BAD_REQUEST);
}

/* The same countersignature again, or an older one, adds no entry; the next one does. */
static void test_repeated_cosignature(void **state)
{
        Pair *pair = *state;
        _cleanup_(freep) char *first = NULL, *second = NULL;

        pair_grow(pair, 1);
        Copies *early = copies_of(pair->device);
        assert_int_equal(pair_show(pair, early, early->n, &first), 0);
        pair_grow(pair, 1);
        Copies *late = copies_of(pair->device);
        assert_int_equal(pair_show(pair, late, late->n, &second), 0);

        assert_int_equal(ledger_record_cosignature(pair->device->ledger, second), 0);
        uint64_t size = ledger_world_size(pair->device);
        for (int i = 0; i < 3; i++) {
                assert_int_equal(ledger_record_cosignature(pair->device->ledger, second), 0);
                assert_int_equal(ledger_record_cosignature(pair->device->ledger, first), 0);
        }
        ledger_world_close(pair->device);
        ledger_world_open(pair->device);
        assert_int_equal(ledger_record_cosignature(pair->device->ledger, second), 0);
        assert_true(ledger_world_size(pair->device) == size);
        copies_free(early);
        copies_free(late);
}

static void test_a_revoked_device_is_witnessed_once_it_is_pinned_again(void **state)
{
        Pair *pair = *state;
        _cleanup_(freep) char *cosigned = NULL;
        ReplicaStatus replica = { 0 };
        LedgerStatus status;

        pair_grow(pair, 3);
        Copies *copies = copies_of(pair->device);
        assert_int_equal(pair_show(pair, copies, copies->n - 1, &cosigned), 0);
        assert_int_equal(ledger_unpin(pair->hub->ledger, "dev-b"), DEVBOX_ERROR_PEER_UNKNOWN);
        assert_int_equal(ledger_unpin(pair->hub->ledger, "dev-a"), 0);
        assert_int_equal(ledger_unpin(pair->hub->ledger, "dev-a"), 0);
        assert_int_equal(pair_show(pair, copies, copies->n, NULL), DEVBOX_ERROR_PEER_REVOKED);
        assert_true(pair_seen(pair) == copies->n - 1);

        ledger_world_close(pair->hub);
        ledger_world_open(pair->hub);
        assert_int_equal(ledger_replica(pair->hub->ledger, "dev-a", &replica), 0);
        assert_true(replica.revoked);
        assert_true(replica.size == copies->n - 1);
        assert_string_equal(replica.checkpoint, cosigned);
        free(replica.checkpoint);

        /* It returns with another key, then with the one that its chain names. */
        ledger_status(pair->device->ledger, &status);
        ChainId other = { { 1 } };
        assert_int_equal(ledger_pin(pair->hub->ledger, "dev-a", &other, &status.key),
                         DEVBOX_ERROR_ENROLLED_OTHERWISE);
        assert_int_equal(ledger_pin(pair->hub->ledger, "dev-a", &status.chain,
                                    key_pair_public(world_key(KEY_STRANGER))),
                         0);
        assert_int_equal(pair_show(pair, copies, copies->n, NULL), DEVBOX_ERROR_UNKNOWN_KEY);
        assert_int_equal(ledger_pin(pair->hub->ledger, "dev-a", &status.chain, &status.key), 0);
        assert_int_equal(pair_show(pair, copies, copies->n, NULL), 0);
        copies_free(copies);
}

static void test_a_revocation_is_an_entry_of_the_hub(void **state)
{
        LedgerWorld *world = *state;
        _cleanup_(freep) char *body = NULL;
        ChainId chain = { { 1 } };
        uint16_t type;

        assert_int_equal(
                ledger_pin(world->ledger, "dev-b", &chain, key_pair_public(world_key(KEY_STRANGER))), 0);
        uint64_t size = ledger_world_size(world);
        for (int i = 0; i < 2; i++)
                assert_int_equal(ledger_unpin(world->ledger, "dev-b"), 0);
        assert_true(ledger_world_size(world) == size + 1);
        body = ledger_world_entry(world, 1, &type);
        assert_int_equal(type, AUDIT_EVENT);
        assert_string_equal(body, "{\"event\":\"unpinned\",\"device\":\"dev-b\"}");
        ledger_world_verify(world);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                witness_test(test_growth_is_countersigned),
                witness_test(test_cosignature_without_the_device_signature),
                witness_test(test_old_checkpoints_are_stale),
                witness_test(test_other_histories),
                witness_test(test_checkpoint_full_of_signatures),
                witness_test(test_first_checkpoint_is_of_the_enrolled_chain),
                witness_test(test_signer_of_a_checkpoint),
                witness_test(test_pin_of_the_own_name),
                witness_test(test_repeated_cosignature),
                witness_test(test_a_revoked_device_is_witnessed_once_it_is_pinned_again),
                ledger_test(test_a_revocation_is_an_entry_of_the_hub),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
