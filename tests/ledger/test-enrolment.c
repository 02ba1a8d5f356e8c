/* SPDX-License-Identifier: MIT */
/* Enrolment, for the first time and again. */

#include "codec/binary-text.h"
#include "ledger-world.h"

static void test_enrolment(void **state)
{
        LedgerWorld *world = *state;
        _cleanup_(freep) char *root = signed_root(&world->made);
        const Sha256 right = world->made.root;
        Enrolment enrolment = { .device = "dev-a", .root = root, .root_sha256 = { { 1 } } };

        assert_int_equal(ledger_enroll(world->ledger, &enrolment), DEVBOX_ERROR_ROOT_CHAIN);
        enrolment.root_sha256 = right;
        enrolment.device = "dev a";
        assert_int_equal(ledger_enroll(world->ledger, &enrolment), DEVBOX_ERROR_BAD_REQUEST);
        enrolment.device = "dev-a";
        enrolment.root = "{}";
        assert_int_equal(ledger_enroll(world->ledger, &enrolment), DEVBOX_ERROR_BAD_ENVELOPE);
        assert_int_equal(ledger_world_size(world), 0);

        ledger_world_enroll(world);
        ledger_world_enroll(world);
        assert_int_equal(ledger_world_size(world), 3);
        enrolment.root = root;
        assert_int_equal(ledger_enroll(world->ledger, &enrolment), DEVBOX_ERROR_ENROLLED_OTHERWISE);
        ledger_world_verify(world);
        ledger_world_close(world);
        ledger_world_open(world);
        ledger_world_verify(world);
}

/* The same name and chain under another root, or after another chain, is another enrolment. */
static void test_second_enrolment(void **state)
{
        LedgerWorld *world = *state;
        _cleanup_(freep) char *root = signed_root(&world->made);
        Enrolment first = { .device = "dev-a", .root = root, .root_sha256 = world->made.root };
        _cleanup_(freep) char *other_root = signed_root_edited(
                &world->made, (Edit[]){ { "\"network\":\"home\"", "\"network\":\"lab\"" } }, 1,
                (const WorldKey[]){ KEY_ROOT_A, KEY_ROOT_B, _KEY_MAX });
        Enrolment other = { .device = "dev-a", .root = other_root, .root_sha256 = world->made.root };
        uint64_t size = ledger_world_size(world);

        assert_ok(hex_parse(CHAIN_ID_HEX, first.chain.bytes, CHAIN_ID_SIZE));
        other.chain = first.chain;
        assert_int_equal(ledger_enroll(world->ledger, &first), 0);
        assert_int_equal(ledger_enroll(world->ledger, &other), DEVBOX_ERROR_ENROLLED_OTHERWISE);

        Enrolment lost = first;
        lost.lost_size = 7;
        lost.lost_head = (Sha256){ { 7 } };
        assert_int_equal(ledger_enroll(world->ledger, &lost), DEVBOX_ERROR_ENROLLED_OTHERWISE);

        /* Any root that the device has obeyed is its own; one that it has not seen is not. */
        _cleanup_(freep) char *next_root =
                signed_root_edited(&world->made, (Edit[]){ { "\"version\":1", "\"version\":2" } }, 1,
                                   (const WorldKey[]){ KEY_ROOT_A, KEY_ROOT_B, _KEY_MAX });
        Enrolment next = first;
        next.root = next_root;
        next.root_sha256 = world->made.root;
        assert_int_equal(ledger_enroll(world->ledger, &next), DEVBOX_ERROR_ENROLLED_OTHERWISE);
        assert_int_equal(ledger_install_root(world->ledger, next_root), 0);
        assert_int_equal(ledger_enroll(world->ledger, &first), 0);
        assert_int_equal(ledger_enroll(world->ledger, &next), 0);
        assert_true(ledger_world_size(world) == size + 1);
}

/* A device that was reinstalled, and comes back once more with the key that it has had since. */
static void test_again_after_a_lost_chain(void **state)
{
        LedgerWorld *world = *state;
        _cleanup_(freep) char *root = signed_root(&world->made);
        Enrolment enrolment = { .device = "dev-a",
                                .root = root,
                                .root_sha256 = world->made.root,
                                .lost_size = 7,
                                .lost_head = { { 7 } } };

        assert_int_equal(ledger_enroll(world->ledger, &enrolment), 0);
        assert_int_equal(ledger_enroll(world->ledger, &enrolment), 0);
        enrolment.lost_size = 8;
        assert_int_equal(ledger_enroll(world->ledger, &enrolment), DEVBOX_ERROR_ENROLLED_OTHERWISE);
        enrolment.lost_size = 0;
        enrolment.lost_head = (Sha256){ 0 };
        assert_int_equal(ledger_enroll(world->ledger, &enrolment), 0);
        assert_int_equal(ledger_world_size(world), 3);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                ledger_test_empty(test_enrolment),
                ledger_test(test_second_enrolment),
                ledger_test_empty(test_again_after_a_lost_chain),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
