/* SPDX-License-Identifier: MIT */
/* Accepting requests: what an acceptance and a denial leave behind, limits, full tables. */

#include <stdio.h>

#include "ledger-world.h"
#include "worker-stub.h"

static void assert_contains(const char *text, const char *part)
{
        if (!strstr(text, part))
                fail_msg("no %s in %s", part, text);
}

#define WORLD_ID "01K75A3Q000000000000000001"

static void test_permanent_denial_is_stored(void **state)
{
        LedgerWorld *world = *state;
        _cleanup_(signed_bundle_done) SignedBundle bundle = { 0 };
        LedgerAnswer first, second;

        signed_bundle(&world->made, &(Case){ .request = { ARGS("{\"argv\":[\"/usr/bin/rm\",\"x\"]}") } },
                      &bundle);
        ledger_world_put(world, &bundle, &first);
        assert_int_equal(first.error, DEVBOX_ERROR_BINARY_NOT_ALLOWED);
        assert_string_equal(first.message, "capability rejected: shell.exec.rm not in manifest");
        uint64_t size = ledger_world_size(world);
        signed_deliver_again(&world->made, &bundle);
        ledger_world_put(world, &bundle, &second);
        assert_int_equal(second.outcome, LEDGER_KNOWN);
        assert_int_equal(second.state, REQUEST_DENIED);
        assert_string_equal(first.result, second.result);
        assert_true(ledger_world_size(world) == size);
        assert_int_equal(worker_stub_start(world, WORLD_ID), DEVBOX_ERROR_REQUEST_STATE);
        ledger_answer_done(&first);
        ledger_answer_done(&second);
}

/* An earlier delivery of it that arrives late, or a later one, does not run it. */
static void test_withdrawn_is_never_accepted(void **state)
{
        LedgerWorld *world = *state;
        _cleanup_(signed_bundle_done) SignedBundle bundle = { 0 }, early = { 0 };
        LedgerAnswer first, second;

        signed_bundle(&world->made, &(Case){ 0 }, &early);
        signed_bundle(&world->made,
                      &(Case){ .delivery = { { "\"ctr\":1", "\"withdraws\":true,\"ctr\":1" } } }, &bundle);
        ledger_world_put(world, &bundle, &first);
        assert_int_equal(first.error, DEVBOX_ERROR_REQUEST_WITHDRAWN);
        assert_contains(first.result, "\"payload\"");
        ledger_world_put(world, &early, &second);
        assert_int_equal(second.error, DEVBOX_ERROR_SESSION_MISMATCH);
        ledger_answer_done(&second);

        signed_deliver_again(&world->made, &bundle);
        ledger_world_put(world, &bundle, &second);
        assert_int_equal(second.outcome, LEDGER_KNOWN);
        assert_int_equal(second.state, REQUEST_DENIED);
        assert_string_equal(first.result, second.result);
        ledger_answer_done(&first);
        ledger_answer_done(&second);
}

/* Any number of denied requests of one caller leaves room for others. */
static void test_denials_are_limited(void **state)
{
        LedgerWorld *world = *state;
        Sibling sibling;

        ledger_world_close(world);
        world->requests_max = 4;
        ledger_world_open(world);
        ledger_world_begin_session(world);
        for (unsigned i = 0; i < 8; i++) {
                sibling_init(&sibling, i);
                assert_int_equal(
                        ledger_world_judge(world, &(Case){ .request = { sibling.edits[0], sibling.edits[1],
                                                                        ARGS("{\"argv\":[\"/usr/bin/rm\","
                                                                             "\"x\"]}") } }),
                        DEVBOX_ERROR_BINARY_NOT_ALLOWED);
        }

        sibling_init(&sibling, 8);
        assert_int_equal(
                ledger_world_judge(world, &(Case){ .request = { sibling.edits[0], sibling.edits[1] } }), 0);
        ledger_world_verify(world);
}

static void test_temporary_denial_is_not_stored(void **state)
{
        LedgerWorld *world = *state;

        world->time.synchronised = false;
        assert_int_equal(ledger_world_judge(world, &(Case){ 0 }), DEVBOX_ERROR_CLOCK_UNSYNCED);
        world->time.synchronised = true;
        assert_int_equal(ledger_world_judge(world, &(Case){ 0 }), 0);
}

static void test_rate_of_an_entry(void **state)
{
        LedgerWorld *world = *state;

        for (unsigned i = 0; i < 5; i++) {
                Sibling sibling;

                sibling_init(&sibling, i);
                assert_int_equal(
                        ledger_world_judge(
                                world,
                                &(Case){ .request = { sibling.edits[0], sibling.edits[1],
                                                      ARGS("{\"argv\":[\"/usr/bin/df\",\"-h\"]}") } }),
                        i < 3 ? 0 : DEVBOX_ERROR_RATE_LIMITED);
        }
}

static void test_nothing_unexpired_is_evicted(void **state)
{
        LedgerWorld *world = *state;
        Sibling sibling;

        ledger_world_close(world);
        world->requests_max = 4;
        ledger_world_open(world);
        ledger_world_begin_session(world);
        for (unsigned i = 0; i < 6; i++) {
                sibling_init(&sibling, i);
                assert_int_equal(ledger_world_judge(world, &(Case){ .request = { sibling.edits[0],
                                                                                 sibling.edits[1] } }),
                                 i < 4 ? 0 : DEVBOX_ERROR_BUSY);
        }

        /* Those in progress stay even when they have expired. */
        world->time.now_ms += 3 * REQUEST_KEEP_MS;
        world->made.shift_ms += (int64_t) (3 * REQUEST_KEEP_MS);
        sibling_init(&sibling, 7);
        assert_int_equal(
                ledger_world_judge(world, &(Case){ .request = { sibling.edits[0], sibling.edits[1] } }),
                DEVBOX_ERROR_BUSY);
        for (unsigned i = 0; i < 4; i++) {
                _cleanup_(freep) char *result = NULL;

                sibling_init(&sibling, i);
                assert_int_equal(worker_stub_finish(world, sibling.id, RESULT_CANCELLED, &result), 0);
        }
        sibling_init(&sibling, 8);
        assert_int_equal(
                ledger_world_judge(world, &(Case){ .request = { sibling.edits[0], sibling.edits[1] } }), 0);
        ledger_world_verify(world);
}

static void test_rejections_are_counted(void **state)
{
        LedgerWorld *world = *state;
        uint64_t size = ledger_world_size(world);
        _cleanup_(freep) char *checkpoint = NULL, *body = NULL;

        for (unsigned i = 0; i < 200; i++)
                assert_int_equal(ledger_world_judge(world, &(Case){ .request = { { "dev-a", "dev-b" } } }),
                                 DEVBOX_ERROR_WRONG_DEVICE);
        assert_true(ledger_world_size(world) == size + 120);
        assert_int_equal(ledger_flush(world->ledger, &checkpoint), 0);
        body = ledger_world_entry(world, 1, NULL);
        assert_string_equal(body, "{\"reason\":\"wrong_device\",\"count\":80}");
}

static void test_entries_keep_no_content(void **state)
{
        LedgerWorld *world = *state;
        _cleanup_(freep) char *body = NULL;

        assert_int_equal(ledger_world_judge(world, &(Case){ .request = WRITE, .n_approvals = 1 }), 0);
        body = ledger_world_entry(world, 1, NULL);
        assert_null(strstr(body, "aGk="));
        assert_contains(body, "\"approver\":\"@bob:hs.example\"");
        assert_contains(body, "\"content_b64\":{\"sha256\":");
}

static void test_arguments_too_long_for_the_chain(void **state)
{
        LedgerWorld *world = *state;
        _cleanup_(freep) char *arguments = malloc(100000), *body = NULL;
        char *at = arguments + sprintf(arguments, "{\"argv\":[\"/usr/bin/ls\"");

        /* Within the limits of a request, but each character is escaped as six. */
        for (int i = 0; i < 8; i++) {
                at = stpcpy(at, ",\"");
                for (int k = 0; k < 4000; k++)
                        at = stpcpy(at, "\\\"");
                at = stpcpy(at, "\"");
        }
        (void) stpcpy(at, "]}");
        assert_int_equal(ledger_world_judge(world, &(Case){ .request = { ARGS(arguments) } }),
                         DEVBOX_ERROR_ARGS_DENIED);
        body = ledger_world_entry(world, 1, NULL);
        assert_contains(body, "\"reason\":\"args_denied\"");
        ledger_world_verify(world);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                ledger_test(test_permanent_denial_is_stored),
                ledger_test(test_withdrawn_is_never_accepted),
                ledger_test(test_denials_are_limited),
                ledger_test(test_temporary_denial_is_not_stored),
                ledger_test(test_rate_of_an_entry),
                ledger_test(test_nothing_unexpired_is_evicted),
                ledger_test(test_rejections_are_counted),
                ledger_test(test_entries_keep_no_content),
                ledger_test(test_arguments_too_long_for_the_chain),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
