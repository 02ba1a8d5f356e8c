/* SPDX-License-Identifier: MIT */
/* Two dispatchers of one ledger do not affect each other. The second may request df only. */

#include "codec/binary-text.h"
#include "trace.h"
#include "worker-stub.h"

#define FIRST_ID   "01K75A3Q000000000000000001"
#define SECOND_KEY .request_key = KEY_TOKEN, .delivery_key = KEY_TOKEN
#define NEWER                                                                                               \
        {                                                                                                   \
                "\"version\":7", "\"version\":8"                                                            \
        }
#define DF                                                                                                  \
        {                                                                                                   \
                NEWER, ARGS("{\"argv\":[\"/usr/bin/df\",\"-h\"]}")                                          \
        }

static int two_up(void **state)
{
        static const Edit edits[] = {
                NEWER,
                { "\"dispatchers\":[", "\"dispatchers\":[{\"pub\":\"@token@\",\"not_after\":1762000000000,"
                                       "\"capabilities\":[\"df\"]}," },
        };

        assert_int_equal(ledger_world_up(state), 0);
        LedgerWorld *world = *state;
        _cleanup_(freep) char *manifest = signed_manifest(&world->made, edits, 2, KEY_MANIFEST);
        ManifestInstalled installed;

        assert_int_equal(ledger_install_manifest(world->ledger, manifest, &installed), 0);
        return 0;
}

#define two_test(function) cmocka_unit_test_setup_teardown(function, two_up, ledger_world_down)

static const Case first = { .request = { NEWER } };

static void test_dispatchers_are_separate(void **state)
{
        LedgerWorld *world = *state;

        assert_case_refused(world, &(Case){ .request = { NEWER }, .delivery_key = KEY_TOKEN },
                            DEVBOX_ERROR_UNKNOWN_KEY, TRACE_COUNT);
        assert_int_equal(ledger_world_judge(world, &first), 0);
}

static void test_counters(void **state)
{
        LedgerWorld *world = *state;
        Sibling sibling;

        assert_int_equal(
                ledger_world_judge(world,
                                   &(Case){ .request = DF,
                                            SECOND_KEY,
                                            .delivery = { { "\"ctr\":1", "\"ctr\":9007199254740991" } } }),
                0);
        world->made.counter = 0;
        assert_int_equal(ledger_world_judge(world, &first), 0);

        /* Its own are used up, for this session. */
        sibling_init(&sibling, 1);
        Case again = { .request = DF, SECOND_KEY };
        again.request[2] = sibling.edits[0];
        again.request[3] = sibling.edits[1];
        assert_case_refused(world, &again, DEVBOX_ERROR_SESSION_MISMATCH, TRACE_ENTRY);
        ledger_world_begin_session(world);
        assert_int_equal(ledger_world_judge(world, &again), 0);
}

/* The same id and nonce, in a request that is permanently denied, and in one that is accepted. */
static void test_ids_and_nonces(void **state)
{
        static const Case rows[] = { { .request = { NEWER, ARGS("{\"argv\":[\"/usr/bin/rm\",\"x\"]}") },
                                       SECOND_KEY },
                                     { .request = DF, SECOND_KEY } };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                LedgerWorld *world = *state;

                assert_int_equal(ledger_world_judge(world, &rows[i]),
                                 i == 0 ? DEVBOX_ERROR_BINARY_NOT_ALLOWED : 0);
                assert_int_equal(ledger_world_judge(world, &first), 0);
                ledger_world_verify(world);
                assert_int_equal(ledger_world_down(state), 0);
                assert_int_equal(two_up(state), 0);
        }
}

/* The bytes of the first, signed by the second: beyond its scope they are denied to it alone. */
static void test_same_request_from_both(void **state)
{
        static const Case copy = { .request = { NEWER }, SECOND_KEY };
        LedgerWorld *world = *state;
        _cleanup_(signed_bundle_done) SignedBundle bundle = { 0 };
        LedgerAnswer answer;

        assert_case_refused(world, &copy, DEVBOX_ERROR_DISPATCHER_SCOPE, TRACE_ENTRY);
        assert_int_equal(ledger_world_judge(world, &first), 0);

        /* Within its scope the request runs once, whoever delivers it. */
        Sibling sibling;
        sibling_init(&sibling, 1);
        Case shared = { .request = DF };
        shared.request[2] = sibling.edits[0];
        shared.request[3] = sibling.edits[1];
        assert_int_equal(ledger_world_judge(world, &shared), 0);
        shared.request_key = shared.delivery_key = KEY_TOKEN;
        signed_bundle(&world->made, &shared, &bundle);
        ledger_world_put(world, &bundle, &answer);
        assert_int_equal(answer.outcome, LEDGER_KNOWN);
        assert_int_equal(answer.state, REQUEST_ACCEPTED);
        ledger_answer_done(&answer);
}

/* Requests that share an id are distinguished by their digests. */
static void test_starts_by_digest(void **state)
{
        LedgerWorld *world = *state;
        const Case rows[] = { first, { .request = DF, SECOND_KEY } };
        char digests[2][HEX_SIZE(SHA256_SIZE)], *result = NULL;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(signed_bundle_done) SignedBundle bundle = { 0 };
                LedgerAnswer answer;

                signed_bundle(&world->made, &rows[i], &bundle);
                ledger_world_put(world, &bundle, &answer);
                assert_int_equal(answer.outcome, LEDGER_ACCEPTED);
                hex_format(BYTES_OF(answer.digest.bytes), digests[i]);
                ledger_answer_done(&answer);
        }

        assert_int_equal(worker_stub_start(world, FIRST_ID), DEVBOX_ERROR_REQUEST_ID_CONFLICT);
        assert_int_equal(worker_stub_finish(world, FIRST_ID, RESULT_CANCELLED, &result),
                         DEVBOX_ERROR_REQUEST_ID_CONFLICT);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                assert_int_equal(worker_stub_start(world, digests[i]), 0);
                assert_int_equal(worker_stub_start(world, digests[i]), DEVBOX_ERROR_REQUEST_STATE);
                assert_int_equal(worker_stub_finish(world, digests[i], RESULT_CANCELLED, &result), 0);
                free(result);
        }
        digests[0][0] ^= 1;
        assert_int_equal(worker_stub_start(world, digests[0]), DEVBOX_ERROR_REQUEST_UNKNOWN);
        ledger_world_verify(world);
}

/* Two signatures would leave open whose scope applies. */
static void test_signed_by_both(void **state)
{
        LedgerWorld *world = *state;
        _cleanup_(signed_bundle_done) SignedBundle bundle = { 0 };
        _cleanup_(envelope_freep) Envelope *envelope = NULL;

        signed_bundle(&world->made, &first, &bundle);
        assert_int_equal(envelope_parse(bytes_of_string(bundle.request), 65536, &envelope), 0);
        assert_ok(envelope_sign(envelope, DISPATCHER_ROLE, world_key(KEY_TOKEN)));
        free(bundle.request);
        assert_ok(envelope_format(envelope, &bundle.request));
        assert_refused(world, &bundle, DEVBOX_ERROR_BAD_SIG, TRACE_COUNT);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                two_test(test_dispatchers_are_separate), two_test(test_counters),
                two_test(test_ids_and_nonces),           two_test(test_same_request_from_both),
                two_test(test_starts_by_digest),         two_test(test_signed_by_both),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
