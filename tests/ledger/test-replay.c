/* SPDX-License-Identifier: MIT */
/* Replays of requests, nonces, sessions and approvals, also when clocks step. */

#include "trace.h"
#include "worker-stub.h"

static void test_8_request_runs_once(void **state)
{
        LedgerWorld *world = *state;
        _cleanup_(signed_bundle_done) SignedBundle bundle = { 0 };
        LedgerAnswer answer;

        signed_bundle(&world->made, &(Case){ 0 }, &bundle);
        ledger_world_put(world, &bundle, &answer);
        assert_int_equal(answer.outcome, LEDGER_ACCEPTED);
        assert_string_equal(answer.entry, "ls-home");
        ledger_answer_done(&answer);

        /* Byte by byte the same. */
        assert_refused(world, &bundle, DEVBOX_ERROR_SESSION_MISMATCH, TRACE_ENTRY);

        uint64_t size = ledger_world_size(world);
        for (int i = 0; i < 3; i++) {
                signed_deliver_again(&world->made, &bundle);
                ledger_world_put(world, &bundle, &answer);
                assert_int_equal(answer.outcome, LEDGER_KNOWN);
                assert_int_equal(answer.state, REQUEST_ACCEPTED);
                assert_null(answer.result);
                ledger_answer_done(&answer);
        }
        assert_true(ledger_world_size(world) == size);
}

/* Two requests of which the second overtakes the first on its way are accepted, each once. */
static void test_8_overtaken(void **state)
{
        LedgerWorld *world = *state;
        SignedBundle bundles[2];
        LedgerAnswer answer;
        Sibling sibling;

        for (size_t i = 0; i < ELEMENTSOF(bundles); i++) {
                sibling_init(&sibling, (unsigned) i);
                signed_bundle(&world->made, &(Case){ .request = { sibling.edits[0], sibling.edits[1] } },
                              &bundles[i]);
        }
        for (size_t i = ELEMENTSOF(bundles); i-- > 0;) {
                ledger_world_put(world, &bundles[i], &answer);
                assert_int_equal(answer.outcome, LEDGER_ACCEPTED);
                ledger_answer_done(&answer);
        }
        for (size_t i = 0; i < ELEMENTSOF(bundles); i++) {
                assert_refused(world, &bundles[i], DEVBOX_ERROR_SESSION_MISMATCH, TRACE_ENTRY);
                signed_bundle_done(&bundles[i]);
        }
}

static void test_9_new_session_ends_the_old_one(void **state)
{
        LedgerWorld *world = *state;
        _cleanup_(signed_bundle_done) SignedBundle bundle = { 0 };

        signed_bundle(&world->made, &(Case){ 0 }, &bundle);
        ledger_world_begin_session(world);
        assert_refused(world, &bundle, DEVBOX_ERROR_SESSION_MISMATCH, TRACE_ENTRY);
}

static void test_9_sessions_end_with_the_process(void **state)
{
        LedgerWorld *world = *state;
        _cleanup_(signed_bundle_done) SignedBundle bundle = { 0 };

        signed_bundle(&world->made, &(Case){ 0 }, &bundle);
        ledger_world_close(world);
        ledger_world_open(world);
        assert_refused(world, &bundle, DEVBOX_ERROR_SESSION_MISMATCH, TRACE_ENTRY);

        /* Nor is there one made of zeros. */
        memset(world->made.session, '0', 32);
        signed_deliver_again(&world->made, &bundle);
        assert_refused(world, &bundle, DEVBOX_ERROR_SESSION_MISMATCH, TRACE_ENTRY);
}

static void test_10_11_used_nonces_and_ids(void **state)
{
        LedgerWorld *world = *state;
        Sibling sibling;

        sibling_init(&sibling, 1);
        assert_int_equal(ledger_world_judge(world, &(Case){ 0 }), 0);
        for (int i = 0; i < 2; i++) {
                assert_case_refused(world, &(Case){ .request = { sibling.edits[0] } },
                                    DEVBOX_ERROR_NONCE_REPLAY, TRACE_ENTRY);
                assert_case_refused(world, &(Case){ .request = { sibling.edits[1] } },
                                    DEVBOX_ERROR_REQUEST_ID_CONFLICT, TRACE_ENTRY);
                assert_case_refused(world,
                                    &(Case){ .request = { ARGS("{\"argv\":[\"/usr/bin/df\",\"-h\"]}") } },
                                    DEVBOX_ERROR_REQUEST_ID_CONFLICT, TRACE_ENTRY);

                /* Also after a restart. */
                ledger_world_close(world);
                ledger_world_open(world);
                ledger_world_begin_session(world);
        }
}

static void test_13_clock_steps_back(void **state)
{
        LedgerWorld *world = *state;
        _cleanup_(signed_bundle_done) SignedBundle bundle = { 0 };
        LedgerAnswer answer;
        Sibling sibling;

        sibling_init(&sibling, 1);
        signed_bundle(&world->made, &(Case){ 0 }, &bundle);
        ledger_world_put(world, &bundle, &answer);
        assert_int_equal(answer.outcome, LEDGER_ACCEPTED);
        ledger_answer_done(&answer);
        assert_int_equal(
                worker_stub_finish(world, "01K75A3Q000000000000000001", RESULT_FAILED, &answer.result), 0);
        free(answer.result);

        /* Two days later another request runs, and the first one is pruned. */
        world->time.now_ms += 2 * REQUEST_KEEP_MS;
        world->made.shift_ms += (int64_t) (2 * REQUEST_KEEP_MS);
        assert_int_equal(
                ledger_world_judge(world, &(Case){ .request = { sibling.edits[0], sibling.edits[1] } }), 0);
        _cleanup_(freep) char *checkpoint = NULL;
        assert_int_equal(ledger_flush(world->ledger, &checkpoint), 0);

        /* Back to when it was valid: it is unknown here, but time has passed. */
        world->time.now_ms = WORLD_NOW;
        world->made.shift_ms = 0;
        ledger_world_begin_session(world); /* after an entry that explains the step */
        signed_deliver_again(&world->made, &bundle);
        assert_refused(world, &bundle, DEVBOX_ERROR_CLOCK_ROLLBACK, TRACE_ENTRY);
        ledger_world_verify(world);

        /* The clock is accepted. The first one has not expired by it, but could have run before. */
        assert_int_equal(ledger_accept_clock(world->ledger), 0);
        for (int i = 0; i < 2; i++) {
                signed_deliver_again(&world->made, &bundle);
                assert_refused(world, &bundle, DEVBOX_ERROR_EXPIRED, TRACE_ENTRY);
                ledger_world_close(world);
                ledger_world_open(world);
                ledger_world_begin_session(world);
        }

        /* One that is issued from now on is as good as any. */
        world->time.now_ms += 40000;
        world->made.shift_ms = 50000;
        sibling_init(&sibling, 2);
        assert_int_equal(
                ledger_world_judge(world, &(Case){ .request = { sibling.edits[0], sibling.edits[1] } }), 0);
        ledger_world_verify(world);
}

/* 13: after an accepted clock before the request, the request is valid for a second time; the digest that it
 * was accepted by rejects it. */
static void test_13_clock_steps_back_too_far(void **state)
{
        LedgerWorld *world = *state;
        _cleanup_(signed_bundle_done) SignedBundle bundle = { 0 };
        _cleanup_(freep) char *checkpoint = NULL, *result = NULL;
        Sibling sibling;

        sibling_init(&sibling, 1);
        signed_bundle(&world->made, &(Case){ 0 }, &bundle);
        assert_int_equal(ledger_world_judge(world, &(Case){ 0 }), 0);
        assert_int_equal(worker_stub_finish(world, "01K75A3Q000000000000000001", RESULT_FAILED, &result), 0);
        world->time.now_ms += 2 * REQUEST_KEEP_MS;
        world->made.shift_ms += (int64_t) (2 * REQUEST_KEEP_MS);
        assert_int_equal(
                ledger_world_judge(world, &(Case){ .request = { sibling.edits[0], sibling.edits[1] } }), 0);
        assert_int_equal(ledger_flush(world->ledger, &checkpoint), 0);

        world->time.now_ms = WORLD_NOW - REQUEST_KEEP_MS;
        assert_int_equal(ledger_accept_clock(world->ledger), 0);
        world->time.now_ms = WORLD_NOW;
        world->made.shift_ms = 0;
        signed_deliver_again(&world->made, &bundle);
        assert_refused(world, &bundle, DEVBOX_ERROR_NONCE_REPLAY, TRACE_ENTRY);
        ledger_world_verify(world);
}

static void test_31_approval_is_used_once(void **state)
{
        LedgerWorld *world = *state;
        _cleanup_(signed_bundle_done) SignedBundle bundle = { 0 };
        LedgerAnswer answer;

        signed_bundle(&world->made, &(Case){ .request = WRITE, .n_approvals = 1 }, &bundle);
        ledger_world_put(world, &bundle, &answer);
        assert_int_equal(answer.outcome, LEDGER_ACCEPTED);
        ledger_answer_done(&answer);

        /* The request is removed from the database; the approval stays used. */
        ledger_world_close(world);
        ledger_world_tamper(world, "DELETE FROM request");
        ledger_world_open(world);
        ledger_world_begin_session(world);
        signed_deliver_again(&world->made, &bundle);
        assert_refused(world, &bundle, DEVBOX_ERROR_APPROVAL_REUSED, TRACE_ENTRY);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                ledger_test(test_8_request_runs_once),
                ledger_test(test_8_overtaken),
                ledger_test(test_9_new_session_ends_the_old_one),
                ledger_test(test_9_sessions_end_with_the_process),
                ledger_test(test_10_11_used_nonces_and_ids),
                ledger_test(test_13_clock_steps_back),
                ledger_test(test_13_clock_steps_back_too_far),
                ledger_test(test_31_approval_is_used_once),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
