/* SPDX-License-Identifier: MIT */
/* The agent goes: what was accepted for it gets an end. */

#include "worker-stub.h"

#define AGENT ":1.7"
#define OTHER ":1.8"

static void accept_sibling(LedgerWorld *world, const char *agent, unsigned n, Sibling *ret_sibling)
{
        sibling_init(ret_sibling, n);
        world->agent = agent;
        assert_int_equal(ledger_world_judge(world, &(Case){ .request = { ret_sibling->edits[0],
                                                                         ret_sibling->edits[1] } }),
                         0);
}

/* The answer to a repetition, as the hub would see it. */
static void assert_known(LedgerWorld *world, const Sibling *sibling, RequestState state)
{
        _cleanup_(signed_bundle_done) SignedBundle bundle = { 0 };
        _cleanup_(ledger_answer_done) LedgerAnswer answer = LEDGER_ANSWER_NULL;
        _cleanup_(envelope_freep) Envelope *envelope = NULL;
        KeySet keys = { "device", key_pair_public(world_key(KEY_DEVICE)), 1, 1 };

        signed_bundle(&world->made, &(Case){ .request = { sibling->edits[0], sibling->edits[1] } }, &bundle);
        ledger_world_put(world, &bundle, &answer);
        assert_int_equal(answer.outcome, LEDGER_KNOWN);
        assert_int_equal(answer.state, state);
        assert_int_equal(answer.result != NULL, state != REQUEST_ACCEPTED);
        if (!answer.result)
                return;

        assert_int_equal(envelope_parse(bytes_of_string(answer.result), ENVELOPE_PAYLOAD_MAX, &envelope), 0);
        assert_int_equal(envelope_verify(envelope, ENVELOPE_RESULT, &keys, NULL), 0);
}

static void test_only_what_it_left_open(void **state)
{
        LedgerWorld *world = *state;
        Sibling waits, runs, ended, foreign;
        char *result = NULL;
        size_t n;

        accept_sibling(world, AGENT, 1, &waits);
        accept_sibling(world, AGENT, 2, &runs);
        accept_sibling(world, AGENT, 3, &ended);
        accept_sibling(world, OTHER, 4, &foreign);
        assert_int_equal(worker_stub_start(world, runs.id), 0);
        assert_int_equal(worker_stub_start(world, ended.id), 0);
        assert_int_equal(worker_stub_finish(world, ended.id, RESULT_FINISHED, &result), 0);
        free(result);

        assert_int_equal(ledger_interrupt(world->ledger, AGENT, &n), 0);
        assert_int_equal(n, 2);
        assert_known(world, &waits, REQUEST_INTERRUPTED);
        assert_known(world, &runs, REQUEST_INTERRUPTED_UNKNOWN);
        assert_known(world, &ended, REQUEST_FINISHED);
        assert_known(world, &foreign, REQUEST_ACCEPTED);
        assert_int_equal(ledger_interrupt(world->ledger, AGENT, &n), 0);
        assert_int_equal(n, 0);

        assert_int_equal(worker_stub_start(world, waits.id), DEVBOX_ERROR_REQUEST_STATE);
        assert_int_equal(worker_stub_start(world, foreign.id), 0);
        ledger_world_verify(world);
}

/* The end of a worker that goes on without its agent comes too late: the result stays. */
static void test_a_late_end(void **state)
{
        LedgerWorld *world = *state;
        _cleanup_(freep) char *first = NULL, *second = NULL;
        Sibling sibling;
        size_t n;

        accept_sibling(world, AGENT, 1, &sibling);
        assert_int_equal(worker_stub_start(world, sibling.id), 0);
        assert_int_equal(ledger_interrupt(world->ledger, AGENT, &n), 0);
        assert_int_equal(worker_stub_finish(world, sibling.id, RESULT_FINISHED, &first), 0);
        assert_int_equal(worker_stub_finish(world, sibling.id, RESULT_TIMEOUT, &second), 0);
        assert_string_equal(first, second);
        assert_known(world, &sibling, REQUEST_INTERRUPTED_UNKNOWN);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                ledger_test(test_only_what_it_left_open),
                ledger_test(test_a_late_end),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
