/* SPDX-License-Identifier: MIT */
/* Accepted requests: starts, ends, and what a crash makes of them. */

#include <signal.h>
#include <stdio.h>

#include "ledger-world.h"
#include "ledger/runs.h"
#include "worker-stub.h"

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

static WorkerEndStream stream_of(const char *text)
{
        WorkerEndStream stream = { .size = strlen(text), .beginning_size = strlen(text) };

        sha256(bytes_of_string(text), &stream.sha256);
        stream.beginning_sha256 = stream.sha256;
        return stream;
}

static WorkerEnd make_end(int exit_code, const char *out)
{
        return (WorkerEnd){ .status = RESULT_FINISHED,
                            .exit_code = exit_code,
                            .out = stream_of(out),
                            .err = stream_of(""),
                            .started_at_ms = WORLD_NOW,
                            .finished_at_ms = WORLD_NOW + 5 };
}

static void test_a_request_ends_with_a_signed_result(void **state)
{
        LedgerWorld *world = *state;
        _cleanup_(freep) char *first = NULL, *second = NULL;
        _cleanup_(result_freep) Result *result = NULL;
        _cleanup_(signed_bundle_done) SignedBundle bundle = { 0 };
        WorkerEnd end = make_end(3, "hello"), other = make_end(0, "hello");
        AgentEnd agent = { .out = bytes_of_string("hello") };
        LedgerAnswer answer;

        signed_bundle(&world->made, &(Case){ 0 }, &bundle);
        ledger_world_put(world, &bundle, &answer);
        assert_int_equal(answer.outcome, LEDGER_ACCEPTED);
        ledger_answer_done(&answer);

        assert_int_equal(worker_stub_start(world, WORLD_ID), 0);
        assert_int_equal(worker_stub_start(world, WORLD_ID), DEVBOX_ERROR_REQUEST_STATE);
        agent.end = worker_stub_seal(world, WORLD_ID, &end);
        assert_int_equal(ledger_finish(world->ledger, WORLD_ID, &agent, &first), 0);
        agent.end = worker_stub_seal(world, WORLD_ID, &other); /* the first result stays */
        assert_int_equal(ledger_finish(world->ledger, WORLD_ID, &agent, &second), 0);
        assert_string_equal(first, second);
        assert_int_equal(worker_stub_start(world, WORLD_ID), DEVBOX_ERROR_REQUEST_STATE);

        result = open_result(first);
        assert_int_equal(result->exit.code, 3);
        assert_int_equal(result->out.size, 5);
        assert_memory_equal(result->out.data.data, "hello", 5);
        assert_int_equal(result->finished_at_ms, WORLD_NOW + 5);
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
        assert_int_equal(worker_stub_start(world, siblings[0].id), 0);
        uint64_t size = ledger_world_size(world);
        world->time.now_ms++;
        for (unsigned i = 1; i < ELEMENTSOF(siblings); i++)
                assert_int_equal(worker_stub_start(world, siblings[i].id), DEVBOX_ERROR_EXPIRED);
        assert_true(ledger_world_size(world) == size);

        /* It is open until it is reported as not run, or a crash interrupts it. */
        assert_int_equal(ledger_finish(world->ledger, siblings[1].id,
                                       &(AgentEnd){ .status = RESULT_CANCELLED,
                                                    .reason = devbox_error_code(DEVBOX_ERROR_EXPIRED) },
                                       &ended),
                         0);
        ledger_world_close(world);
        ledger_world_open(world);
        assert_int_equal(worker_stub_finish(world, siblings[2].id, RESULT_FAILED, &interrupted), 0);
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
        assert_int_equal(worker_stub_start(world, first.id), DEVBOX_ERROR_EXPIRED);
        world->time.now_ms = WORLD_NOW;
        assert_int_equal(worker_stub_start(world, second.id), DEVBOX_ERROR_CLOCK_ROLLBACK);
        world->time.now_ms = WORLD_UNTIL + 1;
        assert_int_equal(worker_stub_start(world, second.id), 0);
}

/* Nothing is signed that cannot have happened. */
static void test_impossible_outcomes(void **state)
{
        const Bytes output = bytes_of_string("x");
        const AgentEnd rows[] = {
                { .status = RESULT_FINISHED },
                { .status = RESULT_TIMEOUT },
                { .status = RESULT_INTERRUPTED },
                { .status = RESULT_INTERRUPTED_UNKNOWN },
                { .status = RESULT_DENIED },
                { .status = _RESULT_STATUS_MAX },
                { .status = RESULT_CANCELLED, .out = output },
                { .status = RESULT_FAILED, .err = output },
                { .status = RESULT_FAILED, .end = output },
                { .status = RESULT_FAILED, .reason = "no_such_code" },
        };
        LedgerWorld *world = *state;
        char *result = NULL;
        Sibling waits;

        accept_sibling(world, 1, &waits);
        uint64_t size = ledger_world_size(world);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                assert_int_equal(ledger_finish(world->ledger, waits.id, &rows[i], &result),
                                 DEVBOX_ERROR_BAD_SCHEMA);
        assert_true(ledger_world_size(world) == size);
}

/* An agent that an attacker holds can end a request without its worker, but not say how it ended. */
static void test_hostile_agent_and_the_end(void **state)
{
        LedgerWorld *world = *state;
        WorkerEnd end = make_end(0, "hello");
        uint8_t other_end[WORKER_END_SIZE_MAX], altered[WORKER_END_SIZE_MAX];
        _cleanup_(freep) char *text = NULL;
        Sibling one, other;

        accept_sibling(world, 1, &one);
        accept_sibling(world, 2, &other);
        assert_int_equal(worker_stub_start(world, one.id), 0);
        assert_int_equal(worker_stub_start(world, other.id), 0);
        Bytes foreign = worker_stub_seal(world, other.id, &end);
        memcpy(other_end, foreign.data, foreign.size);
        Bytes own = worker_stub_seal(world, one.id, &end);
        memcpy(altered, own.data, own.size);
        altered[6] ^= 1; /* the exit code */

        const AgentEnd rows[] = {
                { .end = BYTES(other_end, foreign.size), .out = bytes_of_string("hello") },
                { .end = BYTES(altered, own.size), .out = bytes_of_string("hello") },
                { .end = BYTES(own.data, own.size - 1), .out = bytes_of_string("hello") },
                { .end = bytes_of_string("end"), .out = bytes_of_string("hello") },
                { .end = own, .out = bytes_of_string("hullo") },
                { .end = own, .out = bytes_of_string("hell") },
                { .end = own, .out = BYTES_NULL },
                { .end = own, .out = bytes_of_string("hello"), .err = bytes_of_string("x") },
        };
        uint64_t size = ledger_world_size(world);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                assert_int_equal(ledger_finish(world->ledger, one.id, &rows[i], &text),
                                 DEVBOX_ERROR_BAD_SIG);
        assert_true(ledger_world_size(world) == size);

        /* What it says without an end does not count. */
        assert_int_equal(ledger_finish(world->ledger, one.id,
                                       &(AgentEnd){ .status = RESULT_FINISHED, .out = bytes_of_string("x") },
                                       &text),
                         0);
        _cleanup_(result_freep) Result *result = open_result(text);
        assert_int_equal(result->status, RESULT_INTERRUPTED_UNKNOWN);
        assert_true(result_stream_is_absent(&result->out));
        ledger_world_verify(world);
}

/* Output beyond what a result holds: its beginning, too, is the worker's. */
static void test_truncated_output(void **state)
{
        LedgerWorld *world = *state;
        WorkerEnd end = make_end(0, "hello");
        _cleanup_(freep) char *text = NULL;
        Sibling sibling;

        end.out.size = 1000000;
        end.out.sha256 = (Sha256){ { 7 } };
        accept_sibling(world, 1, &sibling);
        assert_int_equal(worker_stub_start(world, sibling.id), 0);
        AgentEnd agent = { .end = worker_stub_seal(world, sibling.id, &end),
                           .out = bytes_of_string("hullo") };
        assert_int_equal(ledger_finish(world->ledger, sibling.id, &agent, &text), DEVBOX_ERROR_BAD_SIG);
        agent.out = bytes_of_string("hello");
        assert_int_equal(ledger_finish(world->ledger, sibling.id, &agent, &text), 0);
        _cleanup_(result_freep) Result *result = open_result(text);
        assert_true(result->out.truncated);
        assert_int_equal(result->out.size, 1000000);
        assert_int_equal(result->out.data.size, 5);
}

/* A program that could not be executed says why on standard error, which a result without a run cannot have.
 * Otherwise the message is the sentence of the reason. */
static void test_reasons_of_workers(void **state)
{
        static const struct {
                ResultStatus status;
                int exit_signal;
                const char *reason, *err, *message;
        } rows[] = {
                { RESULT_FAILED, 0, "binary_not_allowed", "/usr/bin/ls is not what the manifest names\n",
                  "/usr/bin/ls is not what the manifest names" },
                { RESULT_FINISHED, SIGKILL, "oom", "tar: reading\n",
                  "the program used more memory than its worker may have, and the kernel killed it" },
        };
        LedgerWorld *world = *state;

        for (unsigned i = 0; i < ELEMENTSOF(rows); i++) {
                WorkerEnd end = { .status = rows[i].status,
                                  .exit_code = -1,
                                  .exit_signal = rows[i].exit_signal,
                                  .out = stream_of(""),
                                  .err = stream_of(rows[i].err) };
                _cleanup_(freep) char *text = NULL;
                Sibling sibling;

                (void) snprintf(end.reason, sizeof end.reason, "%s", rows[i].reason);
                accept_sibling(world, i, &sibling);
                assert_int_equal(worker_stub_start(world, sibling.id), 0);
                const AgentEnd agent = { .end = worker_stub_seal(world, sibling.id, &end),
                                         .err = bytes_of_string(rows[i].err) };
                assert_int_equal(ledger_finish(world->ledger, sibling.id, &agent, &text), 0);
                _cleanup_(result_freep) Result *result = open_result(text);
                assert_int_equal(result->status, rows[i].status);
                assert_int_equal(result->exit.signal, rows[i].exit_signal);
                assert_string_equal(result->reason, rows[i].reason);
                assert_string_equal(result->message, rows[i].message);
        }
}

static void test_a_key_that_is_no_key(void **state)
{
        LedgerWorld *world = *state;
        const uint8_t zeros[X25519_SIZE] = { 0 };
        char *permit = NULL;
        Sibling sibling;

        accept_sibling(world, 1, &sibling);
        assert_int_equal(ledger_started(world->ledger, sibling.id, zeros, &permit),
                         DEVBOX_ERROR_BAD_REQUEST);
        assert_int_equal(worker_stub_start(world, sibling.id), 0);
}

static void test_too_many_run(void **state)
{
        LedgerWorld *world = *state;
        _cleanup_(freep) char *result = NULL;
        Sibling sibling;

        for (unsigned i = 0; i <= RUNS_MAX; i++) {
                accept_sibling(world, i, &sibling);
                assert_int_equal(worker_stub_start(world, sibling.id), i < RUNS_MAX ? 0 : DEVBOX_ERROR_BUSY);
        }
        sibling_init(&sibling, RUNS_MAX - 1);
        assert_int_equal(worker_stub_finish(world, sibling.id, RESULT_FINISHED, &result), 0);
        sibling_init(&sibling, RUNS_MAX);
        assert_int_equal(worker_stub_start(world, sibling.id), 0);
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
        assert_int_equal(worker_stub_start(world, sibling.id), DEVBOX_ERROR_MANIFEST_CEILING);
        ledger_world_write_ceiling(world, "capabilities: [shell.exec, fs.read, fs.write, service.restart, "
                                          "docker.exec]\nprograms: [/usr/bin/ls, /usr/bin/df]\n"
                                          "read: [/home]\nwrite: [/srv/share]\ncontainers: [web]\n"
                                          "units: [nginx.service]\n");
        assert_int_equal(ledger_reload(world->ledger), 0);

        world->time.synchronised = false;
        assert_int_equal(worker_stub_start(world, sibling.id), DEVBOX_ERROR_CLOCK_UNSYNCED);
        world->time.synchronised = true;

        world->time.now_ms = UINT64_C(1762000000000);
        assert_int_equal(worker_stub_start(world, sibling.id), DEVBOX_ERROR_MANIFEST_EXPIRED);
        world->time.now_ms = WORLD_NOW;

        install(world, without);
        assert_int_equal(worker_stub_start(world, sibling.id), DEVBOX_ERROR_STALE_MANIFEST);
        assert_true(ledger_world_size(world) == size + 1); /* the manifest */
        ledger_world_verify(world);
}

static void test_unknown_requests(void **state)
{
        LedgerWorld *world = *state;
        char *result = NULL;

        assert_int_equal(worker_stub_start(world, WORLD_ID), DEVBOX_ERROR_REQUEST_UNKNOWN);
        assert_int_equal(worker_stub_start(world, "x' OR 1=1"), DEVBOX_ERROR_REQUEST_UNKNOWN);
        assert_int_equal(ledger_finish(world->ledger, WORLD_ID, &(AgentEnd){ 0 }, &result),
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
        assert_int_equal(worker_stub_start(world, siblings[1].id), 0);
        ledger_world_close(world);
        ledger_world_open(world);

        for (unsigned i = 0; i < 2; i++) {
                _cleanup_(freep) char *text = NULL;
                _cleanup_(result_freep) Result *result = NULL;

                assert_int_equal(worker_stub_start(world, siblings[i].id), DEVBOX_ERROR_REQUEST_STATE);
                assert_int_equal(worker_stub_finish(world, siblings[i].id, RESULT_FINISHED, &text), 0);
                result = open_result(text);
                assert_int_equal(result->status, i == 0 ? RESULT_INTERRUPTED : RESULT_INTERRUPTED_UNKNOWN);
        }
        ledger_world_verify(world);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                ledger_test(test_a_request_ends_with_a_signed_result),
                ledger_test(test_start_deadline),
                ledger_test(test_start_deadline_survives_the_clock),
                ledger_test(test_impossible_outcomes),
                ledger_test(test_hostile_agent_and_the_end),
                ledger_test(test_truncated_output),
                ledger_test(test_reasons_of_workers),
                ledger_test(test_a_key_that_is_no_key),
                ledger_test(test_too_many_run),
                ledger_test(test_permission_revoked_before_the_start),
                ledger_test(test_unknown_requests),
                ledger_test(test_crash_interrupts_requests),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
