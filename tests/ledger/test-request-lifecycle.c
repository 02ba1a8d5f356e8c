/* SPDX-License-Identifier: MIT */
/* Accepted requests: starts, ends, and what a crash makes of them. */

#include "ledger-world.h"

static Result *open_result(const char *text)
{
        _cleanup_(envelope_freep) Envelope *envelope = NULL;
        KeySet keys = { "device", key_pair_public(world_key(KEY_DEVICE)), 1, 1 };
        Result *result = NULL;

        assert_non_null(text);
        assert_int_equal(envelope_parse(bytes_of_string(text), ENVELOPE_PAYLOAD_MAX, &envelope), 0);
        assert_int_equal(envelope_verify(envelope, ENVELOPE_RESULT, &keys, NULL), 0);
        assert_int_equal(result_parse(envelope_payload(envelope), &result, NULL), 0);
        return result;
}

#define WORLD_ID "01K75A3Q000000000000000001"

static void test_a_request_ends_with_a_signed_result(void **state)
{
        LedgerWorld *world = *state;
        _cleanup_(freep) char *first = NULL, *second = NULL;
        _cleanup_(result_freep) Result *result = NULL;
        _cleanup_(signed_bundle_done) SignedBundle bundle = { 0 };
        LedgerAnswer answer;
        Sha256 hello;

        sha256(bytes_of_string("hello"), &hello);
        Result how = { .status = RESULT_FINISHED,
                       .exit = { .code = 3 },
                       .out = { .data = { (uint8_t *) "hello", 5 }, .size = 5, .sha256 = hello },
                       .started_at_ms = WORLD_NOW,
                       .finished_at_ms = WORLD_NOW + 5 };

        signed_bundle(&world->made, &(Case){ 0 }, &bundle);
        ledger_world_put(world, &bundle, &answer);
        assert_int_equal(answer.outcome, LEDGER_ACCEPTED);
        ledger_answer_done(&answer);

        assert_int_equal(ledger_finish(world->ledger, WORLD_ID, &how, &first), DEVBOX_ERROR_BAD_SCHEMA);
        assert_int_equal(ledger_started(world->ledger, WORLD_ID), 0);
        assert_int_equal(ledger_started(world->ledger, WORLD_ID), DEVBOX_ERROR_REQUEST_STATE);
        how.status = RESULT_DENIED; /* not a status of a worker */
        assert_int_equal(ledger_finish(world->ledger, WORLD_ID, &how, &first), DEVBOX_ERROR_BAD_SCHEMA);
        how.status = RESULT_FINISHED;
        assert_int_equal(ledger_finish(world->ledger, WORLD_ID, &how, &first), 0);
        how.exit.code = 0; /* the first result stays */
        assert_int_equal(ledger_finish(world->ledger, WORLD_ID, &how, &second), 0);
        assert_string_equal(first, second);
        assert_int_equal(ledger_started(world->ledger, WORLD_ID), DEVBOX_ERROR_REQUEST_STATE);

        result = open_result(first);
        assert_int_equal(result->exit.code, 3);
        assert_string_equal(result->request_id, WORLD_ID);
        assert_true(sha256_equal(&result->request_sha256, &bundle.digest));
        assert_true((uint64_t) result->size == ledger_world_size(world));

        /* Long after it expired, a repeated request gets the same. */
        world->time.now_ms += REQUEST_KEEP_MS / 2;
        signed_deliver_again(&world->made, &bundle);
        ledger_world_put(world, &bundle, &answer);
        assert_int_equal(answer.outcome, LEDGER_KNOWN);
        assert_int_equal(answer.state, REQUEST_FINISHED);
        assert_string_equal(answer.result, first);
        ledger_answer_done(&answer);
        ledger_world_verify(world);
}

/* Accepted at WORLD_NOW, and until when that was possible. */
#define WORLD_UNTIL UINT64_C(1760000090000)

static void accept_sibling(LedgerWorld *world, unsigned n, Sibling *ret_sibling)
{
        sibling_init(ret_sibling, n);
        assert_int_equal(ledger_world_judge(world, &(Case){ .request = { ret_sibling->edits[0],
                                                                         ret_sibling->edits[1] } }),
                         0);
}

static void test_start_deadline(void **state)
{
        LedgerWorld *world = *state;
        _cleanup_(freep) char *ended = NULL, *interrupted = NULL;
        Sibling siblings[3];

        for (unsigned i = 0; i < ELEMENTSOF(siblings); i++)
                accept_sibling(world, i, &siblings[i]);
        world->time.now_ms = WORLD_UNTIL;
        assert_int_equal(ledger_started(world->ledger, siblings[0].id), 0);
        uint64_t size = ledger_world_size(world);
        world->time.now_ms++;
        for (unsigned i = 1; i < ELEMENTSOF(siblings); i++)
                assert_int_equal(ledger_started(world->ledger, siblings[i].id), DEVBOX_ERROR_EXPIRED);
        assert_true(ledger_world_size(world) == size);

        /* It is open until it is reported as not run, or a crash interrupts it. */
        assert_int_equal(ledger_finish(world->ledger, siblings[1].id,
                                       &(Result){ .status = RESULT_CANCELLED,
                                                  .reason = (char *) devbox_error_code(DEVBOX_ERROR_EXPIRED),
                                                  .exit = { .code = -1 } },
                                       &ended),
                         0);
        ledger_world_close(world);
        ledger_world_open(world);
        assert_int_equal(ledger_finish(world->ledger, siblings[2].id,
                                       &(Result){ .status = RESULT_FAILED, .exit = { .code = -1 } },
                                       &interrupted),
                         0);
        _cleanup_(result_freep) Result *first = open_result(ended), *second = open_result(interrupted);
        assert_int_equal(first->status, RESULT_CANCELLED);
        assert_int_equal(second->status, RESULT_INTERRUPTED);
        ledger_world_verify(world);
}

/* A request that had expired when another was accepted does not start after the clock steps back. */
static void test_start_deadline_survives_the_clock(void **state)
{
        LedgerWorld *world = *state;
        Sibling first, second;

        accept_sibling(world, 1, &first);
        world->time.now_ms = WORLD_UNTIL + 1;
        world->made.shift_ms = (int64_t) (WORLD_UNTIL + 1 - WORLD_NOW);
        accept_sibling(world, 2, &second);
        world->time.now_ms = WORLD_UNTIL + 1 - 20000; /* within the skew */
        assert_int_equal(ledger_started(world->ledger, first.id), DEVBOX_ERROR_EXPIRED);
        world->time.now_ms = WORLD_NOW;
        assert_int_equal(ledger_started(world->ledger, second.id), DEVBOX_ERROR_CLOCK_ROLLBACK);
        world->time.now_ms = WORLD_UNTIL + 1;
        assert_int_equal(ledger_started(world->ledger, second.id), 0);
}

/* Nothing is signed that cannot have happened. */
static void test_impossible_outcomes(void **state)
{
        const ResultStream output = { .data = { (uint8_t *) "x", 1 }, .size = 1, .sha256 = { { 1 } } };
        const struct {
                bool started;
                Result how;
        } rows[] = {
                { false, { .status = RESULT_FINISHED } },
                { false, { .status = RESULT_TIMEOUT, .exit = { .code = -1 } } },
                { false, { .status = RESULT_CANCELLED } }, /* with an exit code */
                { false, { .status = RESULT_CANCELLED, .exit = { .code = -1, .signal = 9 } } },
                { false,
                  { .status = RESULT_CANCELLED, .exit = { .code = -1 }, .out = { .truncated = true } } },
                { false,
                  { .status = RESULT_FAILED,
                    .exit = { .code = -1 },
                    .started_at_ms = 1,
                    .finished_at_ms = 2 } },
                { true, { .status = RESULT_INTERRUPTED, .exit = { .code = -1 } } },
                { true, { .status = RESULT_FINISHED, .exit = { .code = 0, .signal = 9 } } },
                { true, { .status = RESULT_FINISHED, .exit = { .code = -1 } } },
                { true, { .status = RESULT_FAILED } },
                { true, { .status = RESULT_FINISHED, .out = output } },
                { true, { .status = RESULT_FINISHED, .err = output } },
                { true,
                  { .status = RESULT_FINISHED, .out = { .data = { (uint8_t *) "x", 1 }, .size = 1 } } },
                { true, { .status = RESULT_FINISHED, .out = { .size = 9, .sha256 = { { 1 } } } } },
                { true,
                  { .status = RESULT_FINISHED,
                    .out = { .size = 0, .sha256 = { { 1 } }, .truncated = true } } },
        };
        LedgerWorld *world = *state;
        Sibling waits, started;
        char *result = NULL;

        accept_sibling(world, 1, &waits);
        accept_sibling(world, 2, &started);
        assert_int_equal(ledger_started(world->ledger, started.id), 0);
        uint64_t size = ledger_world_size(world);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                assert_int_equal(ledger_finish(world->ledger, rows[i].started ? started.id : waits.id,
                                               &rows[i].how, &result),
                                 DEVBOX_ERROR_BAD_SCHEMA);
        assert_true(ledger_world_size(world) == size);
}

static void install(LedgerWorld *world, const Edit *edits)
{
        _cleanup_(freep) char *manifest = signed_manifest(&world->made, edits, 2, KEY_MANIFEST);
        ManifestInstalled installed;

        assert_int_equal(ledger_install_manifest(world->ledger, manifest, &installed), 0);
}

/* What would reject a new request rejects the start: permission that is gone since the acceptance. */
static void test_permission_revoked_before_the_start(void **state)
{
        static const Edit without[] = { { "\"version\":7", "\"version\":8" },
                                        { "\"bin\":\"/usr/bin/ls\"", "\"bin\":\"/usr/bin/df\"" } };
        LedgerWorld *world = *state;
        Sibling sibling;

        accept_sibling(world, 1, &sibling);
        uint64_t size = ledger_world_size(world);

        ledger_world_write_ceiling(world, "capabilities: []\n");
        assert_int_equal(ledger_reload(world->ledger), 0);
        assert_int_equal(ledger_started(world->ledger, sibling.id), DEVBOX_ERROR_MANIFEST_CEILING);
        ledger_world_write_ceiling(world, "capabilities: [shell.exec, fs.read, fs.write, service.restart, "
                                          "docker.exec]\nprograms: [/usr/bin/ls, /usr/bin/df]\n"
                                          "read: [/home]\nwrite: [/srv/share]\ncontainers: [web]\n"
                                          "units: [nginx.service]\n");
        assert_int_equal(ledger_reload(world->ledger), 0);

        world->time.synchronised = false;
        assert_int_equal(ledger_started(world->ledger, sibling.id), DEVBOX_ERROR_CLOCK_UNSYNCED);
        world->time.synchronised = true;

        world->time.now_ms = UINT64_C(1762000000000);
        assert_int_equal(ledger_started(world->ledger, sibling.id), DEVBOX_ERROR_MANIFEST_EXPIRED);
        world->time.now_ms = WORLD_NOW;

        install(world, without);
        assert_int_equal(ledger_started(world->ledger, sibling.id), DEVBOX_ERROR_STALE_MANIFEST);
        assert_true(ledger_world_size(world) == size + 1); /* the manifest */
        ledger_world_verify(world);
}

static void test_unknown_requests(void **state)
{
        LedgerWorld *world = *state;
        char *result = NULL;

        assert_int_equal(ledger_started(world->ledger, WORLD_ID), DEVBOX_ERROR_REQUEST_UNKNOWN);
        assert_int_equal(ledger_started(world->ledger, "x' OR 1=1"), DEVBOX_ERROR_REQUEST_UNKNOWN);
        assert_int_equal(ledger_finish(world->ledger, WORLD_ID, &(Result){ 0 }, &result),
                         DEVBOX_ERROR_REQUEST_UNKNOWN);
}

static void test_crash_interrupts_requests(void **state)
{
        LedgerWorld *world = *state;
        Sibling siblings[2];

        for (unsigned i = 0; i < 2; i++) {
                sibling_init(&siblings[i], i);
                assert_int_equal(ledger_world_judge(world, &(Case){ .request = { siblings[i].edits[0],
                                                                                 siblings[i].edits[1] } }),
                                 0);
        }
        assert_int_equal(ledger_started(world->ledger, siblings[1].id), 0);
        ledger_world_close(world);
        ledger_world_open(world);

        for (unsigned i = 0; i < 2; i++) {
                _cleanup_(freep) char *text = NULL;
                _cleanup_(result_freep) Result *result = NULL;

                assert_int_equal(ledger_started(world->ledger, siblings[i].id), DEVBOX_ERROR_REQUEST_STATE);
                assert_int_equal(ledger_finish(world->ledger, siblings[i].id,
                                               &(Result){ .status = RESULT_FINISHED }, &text),
                                 0);
                result = open_result(text);
                assert_int_equal(result->status, i == 0 ? RESULT_INTERRUPTED : RESULT_INTERRUPTED_UNKNOWN);
        }
        ledger_world_verify(world);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                ledger_test(test_a_request_ends_with_a_signed_result), ledger_test(test_start_deadline),
                ledger_test(test_start_deadline_survives_the_clock),   ledger_test(test_impossible_outcomes),
                ledger_test(test_permission_revoked_before_the_start), ledger_test(test_unknown_requests),
                ledger_test(test_crash_interrupts_requests),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
