/* SPDX-License-Identifier: MIT */
/* An agent between the real ledger and real workers. In the hands of an attacker it can run nothing that was
 * not accepted, nothing twice, nothing else, and cannot say what a worker did. */

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "basic/fd.h"
#include "basic/text.h"
#include "crypto/x25519.h"
#include "ledger-world.h"
#include "proto/worker-channel.h"
#include "trust/result.h"
#include "trust/worker-end.h"

typedef struct Worker {
        TestDaemon *process;
        int fd; /* the agent's end of the connection */
        uint8_t key[X25519_SIZE];
        Text out;
        uint8_t end[WORKER_END_SIZE_MAX];
        size_t end_size; /* 0: it closed without one */
} Worker;

static void worker_start(const LedgerBus *world, Worker *ret_worker)
{
        const char *const arguments[] = { "exec", NULL };
        char credentials[128], path[256], other[256];
        const char *const environment[] = { credentials, NULL };
        uint8_t buffer[CHANNEL_PAYLOAD_MAX];
        ChannelType type;
        size_t size;
        int fds[2];

        /* Both are public: the key that the ledger publishes, and the ceiling of the machine. */
        (void) snprintf(credentials, sizeof credentials, "CREDENTIALS_DIRECTORY=%s", world->directory);
        (void) snprintf(path, sizeof path, "%s/identity.pub", world->directory);
        (void) snprintf(other, sizeof other, "%s/device-key", world->directory);
        assert_true(link(path, other) == 0 || errno == EEXIST);
        (void) snprintf(path, sizeof path, "%s/ceiling.yaml", world->directory);
        (void) snprintf(other, sizeof other, "%s/ceiling", world->directory);
        assert_true(link(path, other) == 0 || errno == EEXIST);

        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
        *ret_worker = (Worker){ .fd = fds[0], .out = TEXT_NULL };
        ret_worker->process = test_daemon_start_full(
                world->bus, &(TestDaemonOptions){ .program = "src/worker/devbox-worker",
                                                  .name = "worker",
                                                  .arguments = arguments,
                                                  .environment = environment,
                                                  .listen_fds = &fds[1],
                                                  .n_listen_fds = 1,
                                                  .no_wait = true });
        assert_int_equal(close(fds[1]), 0);
        assert_ok(channel_receive(fds[0], &type, buffer, &size));
        assert_int_equal(type, CHANNEL_HELLO);
        assert_int_equal(size, X25519_SIZE);
        memcpy(ret_worker->key, buffer, size);
}

static void worker_done(Worker *worker)
{
        (void) fd_close(worker->fd);
        test_daemon_free(worker->process);
        text_done(&worker->out);
}

static void send_text(const Worker *worker, ChannelType type, const char *text)
{
        for (size_t piece, left = strlen(text); left > 0; text += piece, left -= piece) {
                piece = MIN(left, (size_t) CHANNEL_PAYLOAD_MAX);
                if (channel_send(worker->fd, type, BYTES(text, piece)) < 0)
                        return; /* it has rejected what came before */
        }
}

/* Hands both over, and receives what the worker sends until it closes. */
static void worker_run(Worker *worker, const char *request, const char *permit)
{
        uint8_t buffer[CHANNEL_PAYLOAD_MAX];
        ChannelType type;
        size_t size;

        send_text(worker, CHANNEL_REQUEST, request);
        send_text(worker, CHANNEL_PERMIT, permit);
        (void) channel_send(worker->fd, CHANNEL_RUN, BYTES_NULL);
        while (channel_receive(worker->fd, &type, buffer, &size) == 0)
                if (type == CHANNEL_STDOUT)
                        text_append_bytes(&worker->out, buffer, size);
                else if (type == CHANNEL_END) {
                        memcpy(worker->end, buffer, size);
                        worker->end_size = size;
                }
}

static void assert_ran_nothing(Worker *worker)
{
        assert_int_equal(worker->out.size, 0);
        assert_int_equal(worker->end_size, 0);
        assert_int_equal(test_daemon_wait(worker->process), EXIT_FAILURE);
}

/* The permit for this worker, which the caller frees. */
static char *get_permit(const LedgerBus *world, const Worker *worker, const char *id, const char *wanted)
{
        sd_bus_message *call = new_call(world, "Started");
        const char *permit;

        assert_ok(sd_bus_message_append(call, "s", id));
        assert_ok(sd_bus_message_append_array(call, 'y', worker->key, sizeof worker->key));
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = finish_call(world->client, call, wanted);
        if (wanted)
                return NULL;

        assert_ok(sd_bus_message_read(reply, "s", &permit));
        char *copy = strdup(permit);
        assert_non_null(copy);
        return copy;
}

static void append_bytes(sd_bus_message *call, const char *key, Bytes bytes)
{
        assert_ok(sd_bus_message_open_container(call, 'e', "sv"));
        assert_ok(sd_bus_message_append(call, "s", key));
        assert_ok(sd_bus_message_open_container(call, 'v', "ay"));
        assert_ok(sd_bus_message_append_array(call, 'y', bytes.data, bytes.size));
        assert_ok(sd_bus_message_close_container(call));
        assert_ok(sd_bus_message_close_container(call));
}

/* Reports the end of this worker. The result, which the caller frees, or NULL. */
static Result *finish(const LedgerBus *world, const Worker *worker, const char *id, const char *wanted)
{
        _cleanup_(envelope_freep) Envelope *envelope = NULL;
        sd_bus_message *call = new_call(world, "Finish");
        Result *result;
        const char *text;

        assert_ok(sd_bus_message_append(call, "s", id));
        assert_ok(sd_bus_message_open_container(call, 'a', "{sv}"));
        append_bytes(call, "end", BYTES(worker->end, worker->end_size));
        append_bytes(call, "stdout", BYTES(worker->out.data, worker->out.size));
        assert_ok(sd_bus_message_close_container(call));
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = finish_call(world->client, call, wanted);
        if (wanted)
                return NULL;

        assert_ok(sd_bus_message_read(reply, "s", &text));
        assert_int_equal(envelope_parse(bytes_of_string(text), ENVELOPE_PAYLOAD_MAX, &envelope), 0);
        assert_int_equal(result_parse(envelope_payload(envelope), &result, NULL), 0);
        return result;
}

/* Accepts a sibling of the world's request; the caller releases the bundle. */
static void accept_sibling(LedgerBus *world, unsigned n, Sibling *ret_sibling, SignedBundle *ret_bundle)
{
        sibling_init(ret_sibling, n);
        signed_bundle(&world->made, &(Case){ .request = { ret_sibling->edits[0], ret_sibling->edits[1] } },
                      ret_bundle);
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = put(world, ret_bundle);
        assert_string_equal(dictionary_text(reply, "outcome"), "accepted");
}

static void test_a_request_runs(void **state)
{
        LedgerBus *world = *state;
        _cleanup_(signed_bundle_done) SignedBundle bundle = { 0 };
        _cleanup_(worker_done) Worker worker;
        Sibling sibling;

        accept_sibling(world, 1, &sibling, &bundle);
        worker_start(world, &worker);
        _cleanup_(freep) char *permit = get_permit(world, &worker, sibling.id, NULL);
        worker_run(&worker, bundle.request, permit);
        assert_int_equal(test_daemon_wait(worker.process), EXIT_SUCCESS);
        _cleanup_(result_freep) Result *result = finish(world, &worker, sibling.id, NULL);
        assert_int_equal(result->status, RESULT_FINISHED);
        assert_int_equal(result->exit.code, 0);
        assert_int_equal(result->out.size, worker.out.size);
        verify_chain(world);
}

static void test_a_permit_runs_once(void **state)
{
        LedgerBus *world = *state;
        _cleanup_(signed_bundle_done) SignedBundle bundle = { 0 };
        _cleanup_(worker_done) Worker first, second;
        Sibling sibling;

        accept_sibling(world, 1, &sibling, &bundle);
        worker_start(world, &first);
        worker_start(world, &second);
        _cleanup_(freep) char *permit = get_permit(world, &first, sibling.id, NULL);
        (void) get_permit(world, &second, sibling.id, "RequestState");
        worker_run(&second, bundle.request, permit);
        assert_ran_nothing(&second);
        worker_run(&first, bundle.request, permit);
        assert_int_equal(test_daemon_wait(first.process), EXIT_SUCCESS);
        result_free(finish(world, &first, sibling.id, NULL));
        (void) get_permit(world, &second, sibling.id, "RequestState");
}

static void test_a_permit_is_for_one_request(void **state)
{
        LedgerBus *world = *state;
        _cleanup_(signed_bundle_done) SignedBundle bundle = { 0 }, other_bundle = { 0 }, never = { 0 };
        _cleanup_(worker_done) Worker worker;
        Sibling sibling, other, third;

        accept_sibling(world, 1, &sibling, &bundle);
        accept_sibling(world, 2, &other, &other_bundle);
        worker_start(world, &worker);
        _cleanup_(freep) char *permit = get_permit(world, &worker, sibling.id, NULL);
        worker_run(&worker, other_bundle.request, permit);
        assert_ran_nothing(&worker);

        /* Signed by the dispatcher, but never accepted. */
        sibling_init(&third, 3);
        signed_bundle(&world->made, &(Case){ .request = { third.edits[0], third.edits[1] } }, &never);
        (void) get_permit(world, &worker, third.id, "RequestUnknown");
}

static void test_the_end_is_the_workers(void **state)
{
        LedgerBus *world = *state;
        _cleanup_(signed_bundle_done) SignedBundle bundle = { 0 }, other_bundle = { 0 };
        _cleanup_(worker_done) Worker worker, other_worker;
        Sibling sibling, other;

        accept_sibling(world, 1, &sibling, &bundle);
        accept_sibling(world, 2, &other, &other_bundle);
        worker_start(world, &worker);
        worker_start(world, &other_worker);
        _cleanup_(freep) char *permit = get_permit(world, &worker, sibling.id, NULL);
        _cleanup_(freep) char *other_permit = get_permit(world, &other_worker, other.id, NULL);
        worker_run(&worker, bundle.request, permit);

        (void) finish(world, &worker, other.id, "BadSig"); /* the end of one for the other */
        worker.end[6] ^= 1;                                /* the exit code */
        (void) finish(world, &worker, sibling.id, "BadSig");
        worker.end[6] ^= 1;
        text_append(&worker.out, "forged\n");
        (void) finish(world, &worker, sibling.id, "BadSig");
        worker.out.size -= strlen("forged\n");
        result_free(finish(world, &worker, sibling.id, NULL));

        /* Without an end it is not known whether the other one ran. */
        other_worker.end_size = 0;
        _cleanup_(result_freep) Result *result = finish(world, &other_worker, other.id, NULL);
        assert_int_equal(result->status, RESULT_INTERRUPTED_UNKNOWN);
        verify_chain(world);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                ledger_test(test_a_request_runs),
                ledger_test(test_a_permit_runs_once),
                ledger_test(test_a_permit_is_for_one_request),
                ledger_test(test_the_end_is_the_workers),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
