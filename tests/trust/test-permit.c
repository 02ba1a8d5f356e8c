/* SPDX-License-Identifier: MIT */
/* Permits and ends of runs: between a ledger and a worker that do not trust what lies between them. */

#include "trust/permit.h"

#include <stdio.h>

#include "proto/error.h"
#include "trust/worker-end.h"

#include "world.h"

typedef struct Pair {
        Secret *worker_secret;
        PermitWorker worker;
        ArgumentConstraint argument;
        Capability capability;
        PathRoot root;
        PathRoots roots;
        Sha256 request_sha256;
        char *envelope;
        Secret *ledger_end_key;
} Pair;

static int pair_up(void **state)
{
        Pair *pair = calloc(1, sizeof *pair);

        assert_non_null(pair);
        assert_ok(x25519_generate(&pair->worker_secret, pair->worker.key));
        pair->worker.secret = pair->worker_secret;
        pair->argument = (ArgumentConstraint){ .kind = CONSTRAINT_PATH, .path_root = (char *) "home" };
        pair->capability = (Capability){ .kind = CAPABILITY_SHELL_EXEC,
                                         .id = (char *) "ls",
                                         .approval_count = 1,
                                         .timeout_s = 10,
                                         .max_age_s = 120,
                                         .queue = true,
                                         .bin = (char *) "/usr/bin/ls",
                                         .argv = { &pair->argument, 1 } };
        pair->root = (PathRoot){ (char *) "home", (char *) "/home" };
        pair->roots.items = &pair->root;
        pair->roots.n = 1;
        pair->request_sha256 = (Sha256){ { 42 } };

        const PermitGrant grant = { .device = "dev-a",
                                    .request_sha256 = &pair->request_sha256,
                                    .worker_key = pair->worker.key,
                                    .capability = &pair->capability,
                                    .roots = &pair->roots };
        assert_err(permit_grant(&grant, world_key(KEY_DEVICE), &pair->envelope, &pair->ledger_end_key), 0);
        *state = pair;
        return 0;
}

static int pair_down(void **state)
{
        Pair *pair = *state;

        secret_free(pair->worker_secret);
        secret_free(pair->ledger_end_key);
        free(pair->envelope);
        free(pair);
        return 0;
}

static int open_permit(const Pair *pair, const char *envelope, WorldKey device, const PermitWorker *worker)
{
        _cleanup_(permit_freep) Permit *permit = NULL;
        _cleanup_(secret_freep) Secret *key = NULL;

        return permit_open(bytes_of_string(envelope), key_pair_public(world_key(device)), worker, &permit,
                           &key);
}

static void test_worker_gets_what_the_ledger_granted(void **state)
{
        Pair *pair = *state;
        _cleanup_(permit_freep) Permit *permit = NULL;
        _cleanup_(secret_freep) Secret *key = NULL;

        assert_err(permit_open(bytes_of_string(pair->envelope), key_pair_public(world_key(KEY_DEVICE)),
                               &pair->worker, &permit, &key),
                   0);
        assert_string_equal(permit->device, "dev-a");
        assert_true(sha256_equal(&permit->request_sha256, &pair->request_sha256));
        assert_string_equal(permit->capabilities.items[0].bin, "/usr/bin/ls");
        assert_string_equal(permit->capabilities.items[0].argv.items[0].path_root, "home");
        assert_string_equal(permit->roots.items[0].path, "/home");
        assert_true(bytes_equal(secret_bytes(key), secret_bytes(pair->ledger_end_key)));
}

static void test_permit_is_for_one_worker_of_one_device(void **state)
{
        Pair *pair = *state;
        PermitWorker other = { 0 };
        Secret *secret = NULL;
        char *altered = strdup(pair->envelope);

        assert_ok(x25519_generate(&secret, other.key));
        other.secret = secret;
        assert_err(open_permit(pair, pair->envelope, KEY_DEVICE, &other), -EKEYREJECTED);
        assert_err(open_permit(pair, pair->envelope, KEY_STRANGER, &pair->worker), DEVBOX_ERROR_UNKNOWN_KEY);
        secret_free(secret);

        /* One bit of the payload. */
        assert_non_null(altered);
        char *payload = strstr(altered, "\"payload\":\"");
        assert_non_null(payload);
        payload[strlen("\"payload\":\"") + 20] ^= 1;
        assert_true(open_permit(pair, altered, KEY_DEVICE, &pair->worker) > 0);
        free(altered);
}

static void test_key_of_small_order(void **state)
{
        Pair *pair = *state;
        _cleanup_(freep) char *envelope = NULL;
        _cleanup_(secret_freep) Secret *key = NULL;
        const uint8_t zeros[X25519_SIZE] = { 0 };
        const PermitGrant grant = { .device = "dev-a",
                                    .request_sha256 = &pair->request_sha256,
                                    .worker_key = zeros,
                                    .capability = &pair->capability,
                                    .roots = &pair->roots };

        assert_err(permit_grant(&grant, world_key(KEY_DEVICE), &envelope, &key), DEVBOX_ERROR_BAD_REQUEST);
}

/* ---- which requests a permit is for */

static void test_use_of_a_permit(void **state)
{
        char *home[] = { (char *) "/usr/bin/ls", (char *) "/home/ana" },
             *etc[] = { (char *) "/usr/bin/ls", (char *) "/etc" },
             *cat[] = { (char *) "/usr/bin/cat", (char *) "/home/ana" }, *ls[] = { (char *) "/usr/bin/ls" },
             *read[] = { (char *) "/home" }, *kinds[] = { (char *) "shell.exec" };
        const Ceiling wide = { .capabilities = { kinds, 1 }, .programs = { ls, 1 }, .read = { read, 1 } },
                      narrow = { .capabilities = { kinds, 1 }, .read = { read, 1 } };
        const Sha256 another = { { 43 } };
        Pair *pair = *state;
        const struct {
                const char *device;
                int kind;
                char **argv;
                const Sha256 *digest;
                const Ceiling *ceiling;
                int expected;
        } rows[] = {
                { "dev-a", CAPABILITY_SHELL_EXEC, home, &pair->request_sha256, &wide, 0 },
                { "dev-a", CAPABILITY_SHELL_EXEC, home, &another, &wide, DEVBOX_ERROR_APPROVAL_MISMATCH },
                { "dev-b", CAPABILITY_SHELL_EXEC, home, &pair->request_sha256, &wide,
                  DEVBOX_ERROR_APPROVAL_MISMATCH },
                { "dev-a", CAPABILITY_DOCKER_EXEC, home, &pair->request_sha256, &wide,
                  DEVBOX_ERROR_APPROVAL_MISMATCH },
                { "dev-a", CAPABILITY_SHELL_EXEC, etc, &pair->request_sha256, &wide,
                  DEVBOX_ERROR_ARGS_DENIED },
                { "dev-a", CAPABILITY_SHELL_EXEC, cat, &pair->request_sha256, &wide,
                  DEVBOX_ERROR_BINARY_NOT_ALLOWED },
                { "dev-a", CAPABILITY_SHELL_EXEC, home, &pair->request_sha256, &narrow,
                  DEVBOX_ERROR_MANIFEST_CEILING },
        };
        _cleanup_(permit_freep) Permit *permit = NULL;
        _cleanup_(secret_freep) Secret *key = NULL;

        assert_err(permit_open(bytes_of_string(pair->envelope), key_pair_public(world_key(KEY_DEVICE)),
                               &pair->worker, &permit, &key),
                   0);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                const Request request = { .device = (char *) rows[i].device,
                                          .kind = rows[i].kind,
                                          .arguments = { .argv = { rows[i].argv, 2 } } };
                const PermitUse use = { .request = &request,
                                        .request_sha256 = rows[i].digest,
                                        .ceiling = rows[i].ceiling };
                SchemaFault fault;

                assert_err(permit_check(permit, &use, &fault), rows[i].expected);
        }
}

/* ---- ends */

static const WorkerEnd example = { .status = RESULT_FINISHED,
                                   .exit_code = 3,
                                   .out = { 5, { { 1, 2 } }, 5, { { 1, 2 } } },
                                   .err = { UINT64_MAX, { { 3 } }, 65536, { { 4 } } },
                                   .started_at_ms = 1760000000000,
                                   .finished_at_ms = 1760000000123 };

static void test_end_there_and_back(void **state)
{
        Pair *pair = *state;
        WorkerEnd rows[] = { example, example, example };

        rows[1].status = RESULT_TIMEOUT;
        rows[1].exit_code = -1;
        rows[1].process_may_continue = true;
        rows[2].status = RESULT_FAILED;
        memset(rows[2].reason, 'r', WORKER_END_REASON_MAX);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                uint8_t bytes[WORKER_END_SIZE_MAX];
                size_t size = worker_end_seal(&rows[i], pair->ledger_end_key, &pair->request_sha256, bytes);
                WorkerEnd end;

                assert_ok(worker_end_open(BYTES(bytes, size), pair->ledger_end_key, &pair->request_sha256,
                                          &end));
                assert_int_equal(end.status, rows[i].status);
                assert_int_equal(end.exit_code, rows[i].exit_code);
                assert_int_equal(end.process_may_continue, rows[i].process_may_continue);
                assert_string_equal(end.reason, rows[i].reason);
                assert_memory_equal(&end.out, &rows[i].out, sizeof end.out);
                assert_memory_equal(&end.err, &rows[i].err, sizeof end.err);
                assert_int_equal(end.finished_at_ms, rows[i].finished_at_ms);
        }
}

static void test_altered_end(void **state)
{
        Pair *pair = *state;
        uint8_t bytes[WORKER_END_SIZE_MAX];
        size_t size = worker_end_seal(&example, pair->ledger_end_key, &pair->request_sha256, bytes);
        _cleanup_(secret_freep) Secret *other_key = NULL;
        const Sha256 other = { { 43 } };
        WorkerEnd end;

        for (size_t i = 0; i < size; i++) {
                bytes[i] ^= 1;
                assert_err(worker_end_open(BYTES(bytes, size), pair->ledger_end_key, &pair->request_sha256,
                                           &end),
                           -EBADMSG);
                bytes[i] ^= 1;
                assert_err(
                        worker_end_open(BYTES(bytes, i), pair->ledger_end_key, &pair->request_sha256, &end),
                        -EBADMSG);
        }
        assert_ok(secret_new_random(SHA256_SIZE, &other_key));
        assert_err(worker_end_open(BYTES(bytes, size), other_key, &pair->request_sha256, &end), -EBADMSG);
        assert_err(worker_end_open(BYTES(bytes, size), pair->ledger_end_key, &other, &end), -EBADMSG);
        assert_ok(worker_end_open(BYTES(bytes, size), pair->ledger_end_key, &pair->request_sha256, &end));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_worker_gets_what_the_ledger_granted, pair_up,
                                                pair_down),
                cmocka_unit_test_setup_teardown(test_permit_is_for_one_worker_of_one_device, pair_up,
                                                pair_down),
                cmocka_unit_test_setup_teardown(test_key_of_small_order, pair_up, pair_down),
                cmocka_unit_test_setup_teardown(test_use_of_a_permit, pair_up, pair_down),
                cmocka_unit_test_setup_teardown(test_end_there_and_back, pair_up, pair_down),
                cmocka_unit_test_setup_teardown(test_altered_end, pair_up, pair_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
