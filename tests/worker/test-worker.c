/* SPDX-License-Identifier: MIT */
/* The conversation of agent, ledger and worker, with an honest agent and with one that replays and alters.
 */

#include "worker/worker.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>

#include "basic/fd.h"
#include "basic/text.h"
#include "trust/permit.h"
#include "trust/worker-end.h"

#include "filtered.h"
#include "test.h"

#define PROGRAM "/usr/bin/printf"

static const char request_template[] =
        "{\"v\":1,\"request_id\":\"01K75A3Q000000000000000001\",\"device\":\"dev-a\","
        "\"manifest\":{\"epoch\":1,\"version\":7,"
        "\"sha256\":\"0101010101010101010101010101010101010101010101010101010101010101\"},"
        "\"capability\":\"shell.exec\",\"args\":{\"argv\":[\"%s\",\"hello\"]},"
        "\"nonce\":\"000102030405060708090a0b0c0d0e0f\",\"issued_at\":1760000000000,"
        "\"expires_at\":1760000060000,\"origin\":{\"mxid\":\"@ana:hs.example\"}}";

typedef struct World {
        KeyPair *device;
        Ceiling ceiling;
        char *kinds[1], *programs[1];
        WorkerMachine machine;

        ArgumentConstraint arguments[2];
        Capability capability;
        PathRoots roots;

        const char *program; /* that is asked for */
        char *request;       /* the envelope */
        Sha256 digest;

        /* The connection. */
        const WorkerKind *kind;
        int fds[2];
        pthread_t thread;
        int result;
        uint8_t worker_key[X25519_SIZE];
} World;

static void *serve(void *userdata)
{
        World *world = userdata;

        world->result = worker_serve(world->kind, &world->machine, world->fds[0]);
        world->fds[0] = fd_close(world->fds[0]);
        return NULL;
}

static void make_request(World *world)
{
        _cleanup_(envelope_freep) Envelope *envelope = NULL;
        char text[1024];

        (void) snprintf(text, sizeof text, request_template, world->program);
        free(world->request);
        assert_ok(envelope_make(ENVELOPE_REQUEST, text, "dispatcher", world->device, &world->request));
        assert_ok(envelope_parse(bytes_of_string(world->request), ENVELOPE_PAYLOAD_MAX, &envelope));
        world->digest = envelope->digest;
}

/* Connects, as the agent does, and receives the key of the worker. */
static void connect_worker(World *world)
{
        uint8_t buffer[CHANNEL_PAYLOAD_MAX];
        ChannelType type;
        size_t size;

        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, world->fds), 0);
        assert_int_equal(pthread_create(&world->thread, NULL, serve, world), 0);
        assert_ok(channel_receive(world->fds[1], &type, buffer, &size));
        assert_int_equal(type, CHANNEL_HELLO);
        assert_int_equal(size, X25519_SIZE);
        memcpy(world->worker_key, buffer, size);
}

static void disconnect(World *world)
{
        world->fds[1] = fd_close(world->fds[1]);
        assert_int_equal(pthread_join(world->thread, NULL), 0);
}

/* What the ledger does in Started(). */
static char *grant(World *world, Secret **ret_end_key)
{
        const PermitGrant permit = { .device = "dev-a",
                                     .request_sha256 = &world->digest,
                                     .worker_key = world->worker_key,
                                     .capability = &world->capability,
                                     .roots = &world->roots };
        char *envelope = NULL;

        assert_err(permit_grant(&permit, world->device, &envelope, ret_end_key), 0);
        return envelope;
}

static void send_text(World *world, ChannelType type, const char *text)
{
        for (size_t piece, left = strlen(text); left > 0; text += piece, left -= piece) {
                piece = MIN(left, (size_t) 1000);
                assert_ok(channel_send(world->fds[1], type, BYTES(text, piece)));
        }
}

/* The request and its permit, then CHANNEL_RUN or CHANNEL_CANCEL. */
static void send_job(World *world, const char *request, const char *permit, ChannelType type)
{
        send_text(world, CHANNEL_REQUEST, request);
        send_text(world, CHANNEL_PERMIT, permit);
        assert_ok(channel_send(world->fds[1], type, BYTES_NULL));
}

/* Receives output and the end; returns the size of the latter, 0: the worker closed without one. */
static size_t receive_all(World *world, Text *ret_out, uint8_t *ret_end)
{
        uint8_t buffer[CHANNEL_PAYLOAD_MAX];
        ChannelType type;
        size_t size;

        while (channel_receive(world->fds[1], &type, buffer, &size) == 0) {
                if (type == CHANNEL_STDOUT)
                        text_append_bytes(ret_out, buffer, size);
                if (type == CHANNEL_END) {
                        memcpy(ret_end, buffer, size);
                        return size;
                }
        }

        return 0;
}

static int world_up(void **state)
{
        World *world = calloc(1, sizeof *world);

        assert_non_null(world);
        assert_ok(key_pair_generate(&world->device));
        world->kinds[0] = (char *) "shell.exec";
        world->program = PROGRAM;
        world->programs[0] = (char *) PROGRAM;
        world->ceiling.capabilities.items = world->kinds;
        world->ceiling.programs.items = world->programs;
        world->ceiling.capabilities.n = world->ceiling.programs.n = 1;
        world->machine = (WorkerMachine){ key_pair_public(world->device), &world->ceiling };
        world->arguments[0] = (ArgumentConstraint){ .kind = CONSTRAINT_INSERT, .literal = (char *) "%s!" };
        world->arguments[1] = (ArgumentConstraint){ .kind = CONSTRAINT_WORD,
                                                    .word_class = (char *) "a-z",
                                                    .word_max = 16 };
        world->capability = (Capability){ .kind = CAPABILITY_SHELL_EXEC,
                                          .id = (char *) "say",
                                          .approval_count = 1,
                                          .timeout_s = 10,
                                          .max_output = 65536,
                                          .max_age_s = 120,
                                          .queue = true,
                                          .bin = (char *) PROGRAM,
                                          .argv = { world->arguments, 2 } };
        world->kind = &worker_kinds[0];
        make_request(world);
        *state = world;
        return 0;
}

static int world_down(void **state)
{
        World *world = *state;

        key_pair_free(world->device);
        free(world->request);
        free(world);
        return 0;
}

/* An attempt that must run nothing and send no end. */
static void assert_rejected(World *world, const char *request, const char *permit, int expected)
{
        _cleanup_(text_done) Text out = TEXT_NULL;
        uint8_t end[WORKER_END_SIZE_MAX];

        send_job(world, request, permit, CHANNEL_RUN);
        assert_int_equal(receive_all(world, &out, end), 0);
        assert_int_equal(out.size, 0);
        disconnect(world);
        assert_int_equal(world->result, expected);
}

static void test_one_request(void **state)
{
        World *world = *state;
        _cleanup_(text_done) Text out = TEXT_NULL;
        _cleanup_(secret_freep) Secret *end_key = NULL;
        uint8_t bytes[WORKER_END_SIZE_MAX];
        WorkerEnd end;
        Sha256 digest;

        if (landlock_is_denied())
                skip();
        connect_worker(world);
        _cleanup_(freep) char *permit = grant(world, &end_key);
        send_job(world, world->request, permit, CHANNEL_RUN);

        size_t size = receive_all(world, &out, bytes);
        disconnect(world);
        assert_ok(world->result);
        assert_ok(worker_end_open(BYTES(bytes, size), end_key, &world->digest, &end));
        assert_int_equal(end.status, RESULT_FINISHED);
        assert_int_equal(end.exit_code, 0);
        assert_int_equal(end.out.size, 6);
        sha256(bytes_of_string("hello!"), &digest);
        assert_true(sha256_equal(&end.out.sha256, &digest));
        assert_int_equal(end.out.beginning_size, 6);
        assert_true(sha256_equal(&end.out.beginning_sha256, &digest));
        assert_int_equal(out.size, 6);
        assert_memory_equal(out.data, "hello!", 6);
}

static void test_cancelled_before_it_runs(void **state)
{
        World *world = *state;
        _cleanup_(text_done) Text out = TEXT_NULL;
        _cleanup_(secret_freep) Secret *end_key = NULL;
        uint8_t bytes[WORKER_END_SIZE_MAX];
        WorkerEnd end;

        connect_worker(world);
        _cleanup_(freep) char *permit = grant(world, &end_key);
        send_job(world, world->request, permit, CHANNEL_CANCEL);

        size_t size = receive_all(world, &out, bytes);
        disconnect(world);
        assert_ok(worker_end_open(BYTES(bytes, size), end_key, &world->digest, &end));
        assert_int_equal(end.status, RESULT_CANCELLED);
        assert_int_equal(end.exit_code, -1);
        assert_int_equal(out.size, 0);
}

/* The agent reads nothing before the worker has closed. */
static void test_agent_that_does_not_read(void **state)
{
        World *world = *state;
        _cleanup_(text_done) Text out = TEXT_NULL;
        _cleanup_(secret_freep) Secret *end_key = NULL;
        uint8_t bytes[WORKER_END_SIZE_MAX];
        WorkerEnd end;
        Sha256 digest;

        if (landlock_is_denied())
                skip();
        world->program = "/usr/bin/yes";
        world->programs[0] = world->capability.bin = (char *) world->program;
        world->capability.timeout_s = 1;
        world->capability.max_output = 64 * 1024 * 1024;
        make_request(world);
        connect_worker(world);
        _cleanup_(freep) char *permit = grant(world, &end_key);
        send_job(world, world->request, permit, CHANNEL_RUN);
        assert_int_equal(pthread_join(world->thread, NULL), 0);

        assert_ok(world->result);
        size_t size = receive_all(world, &out, bytes);
        assert_ok(worker_end_open(BYTES(bytes, size), end_key, &world->digest, &end));
        assert_int_equal(end.status, RESULT_TIMEOUT);
        assert_int_equal(end.out.beginning_size, RESULT_STREAM_MAX);
        sha256(BYTES(out.data, RESULT_STREAM_MAX), &digest);
        assert_true(sha256_equal(&end.out.beginning_sha256, &digest));
        world->fds[1] = fd_close(world->fds[1]);
}

static void test_replayed_permit(void **state)
{
        World *world = *state;
        _cleanup_(secret_freep) Secret *end_key = NULL;

        connect_worker(world);
        _cleanup_(freep) char *permit = grant(world, &end_key);
        disconnect(world);
        assert_int_equal(world->result, -ECONNRESET);

        connect_worker(world);
        assert_rejected(world, world->request, permit, -EKEYREJECTED);
}

static void test_permit_of_another_key(void **state)
{
        World *world = *state;
        _cleanup_(secret_freep) Secret *end_key = NULL;
        _cleanup_(key_pair_freep) KeyPair *agent = NULL;
        KeyPair *device = world->device;

        assert_ok(key_pair_generate(&agent));
        connect_worker(world);
        world->device = agent;
        _cleanup_(freep) char *permit = grant(world, &end_key);
        world->device = device;
        assert_rejected(world, world->request, permit, DEVBOX_ERROR_UNKNOWN_KEY);
}

static void test_another_request(void **state)
{
        World *world = *state;
        _cleanup_(secret_freep) Secret *end_key = NULL;
        _cleanup_(freep) char *other = NULL;
        char text[1024];

        (void) snprintf(text, sizeof text, request_template, PROGRAM);
        memcpy(strstr(text, "hello"), "other", 5);
        assert_ok(envelope_make(ENVELOPE_REQUEST, text, "dispatcher", world->device, &other));
        connect_worker(world);
        _cleanup_(freep) char *permit = grant(world, &end_key);
        assert_rejected(world, other, permit, DEVBOX_ERROR_APPROVAL_MISMATCH);
}

static void test_beyond_the_entry_and_the_ceiling(void **state)
{
        World *world = *state;
        _cleanup_(secret_freep) Secret *first_key = NULL, *second_key = NULL, *third_key = NULL;

        connect_worker(world);
        world->arguments[1].word_max = 4;
        _cleanup_(freep) char *first = grant(world, &first_key);
        assert_rejected(world, world->request, first, DEVBOX_ERROR_ARGS_DENIED);
        world->arguments[1].word_max = 16;

        connect_worker(world);
        _cleanup_(freep) char *second = grant(world, &second_key);
        world->ceiling.programs.n = 0;
        assert_rejected(world, world->request, second, DEVBOX_ERROR_MANIFEST_CEILING);
        world->ceiling.programs.n = 1;

        world->kind = &worker_kinds[1];
        connect_worker(world);
        _cleanup_(freep) char *third = grant(world, &third_key);
        assert_rejected(world, world->request, third, DEVBOX_ERROR_UNKNOWN_CAPABILITY);
}

static void test_messages_out_of_order(void **state)
{
        static const ChannelType types[] = { CHANNEL_HELLO, CHANNEL_STDOUT, CHANNEL_END, CHANNEL_CANCEL };
        World *world = *state;

        for (size_t i = 0; i < ELEMENTSOF(types); i++) {
                connect_worker(world);
                assert_ok(channel_send(world->fds[1], types[i], bytes_of_string("x")));
                disconnect(world);
                assert_int_equal(world->result, -EBADMSG);
        }

        connect_worker(world);
        assert_rejected(world, "not an envelope", "no permit", DEVBOX_ERROR_BAD_ENVELOPE);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_one_request, world_up, world_down),
                cmocka_unit_test_setup_teardown(test_cancelled_before_it_runs, world_up, world_down),
                cmocka_unit_test_setup_teardown(test_agent_that_does_not_read, world_up, world_down),
                cmocka_unit_test_setup_teardown(test_replayed_permit, world_up, world_down),
                cmocka_unit_test_setup_teardown(test_permit_of_another_key, world_up, world_down),
                cmocka_unit_test_setup_teardown(test_another_request, world_up, world_down),
                cmocka_unit_test_setup_teardown(test_beyond_the_entry_and_the_ceiling, world_up, world_down),
                cmocka_unit_test_setup_teardown(test_messages_out_of_order, world_up, world_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
