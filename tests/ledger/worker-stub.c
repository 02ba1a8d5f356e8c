/* SPDX-License-Identifier: MIT */
/* Workers as the ledger sees them. */

#include "worker-stub.h"

#include <stdio.h>

#include "trust/permit.h"

/* The last of that name; NULL: none. */
static const WorkerStub *find(const LedgerWorld *world, const char *request)
{
        for (size_t i = 1; i <= MIN(world->n_stubs, ELEMENTSOF(world->stubs)); i++) {
                const WorkerStub *stub = &world->stubs[(world->n_stubs - i) % ELEMENTSOF(world->stubs)];

                if (streq(stub->request, request))
                        return stub;
        }

        return NULL;
}

static void add(LedgerWorld *world, const char *request, Secret *end_key, const Sha256 *digest)
{
        WorkerStub *stub = &world->stubs[world->n_stubs++ % ELEMENTSOF(world->stubs)];

        secret_free(stub->end_key);
        *stub = (WorkerStub){ .end_key = end_key, .digest = *digest };
        (void) snprintf(stub->request, sizeof stub->request, "%s", request);
}

int worker_stub_start(LedgerWorld *world, const char *request)
{
        _cleanup_(permit_freep) Permit *permit = NULL;
        _cleanup_(secret_freep) Secret *secret = NULL;
        _cleanup_(freep) char *text = NULL;
        PermitWorker worker = { 0 };
        LedgerStatus status;
        Secret *end_key;

        assert_ok(x25519_generate(&secret, worker.key));
        worker.secret = secret;
        int r = ledger_started(world->ledger, request, worker.key, &text);
        if (r != 0)
                return r;

        ledger_status(world->ledger, &status);
        assert_int_equal(permit_open(bytes_of_string(text), &status.key, &worker, &permit, &end_key), 0);
        assert_string_equal(permit->device, status.device);
        add(world, request, end_key, &permit->request_sha256);
        return 0;
}

Bytes worker_stub_seal(const LedgerWorld *world, const char *request, const WorkerEnd *end)
{
        static uint8_t bytes[WORKER_END_SIZE_MAX];
        const WorkerStub *stub = find(world, request);

        assert_non_null(stub);
        return BYTES(bytes, worker_end_seal(end, stub->end_key, &stub->digest, bytes));
}

int worker_stub_finish(LedgerWorld *world, const char *request, ResultStatus status, char **ret_result)
{
        WorkerEnd end = { .status = status, .exit_code = status == RESULT_FINISHED ? 0 : -1 };
        WorkerEndStream *streams[] = { &end.out, &end.err };
        AgentEnd agent = { .status = status };

        for (size_t i = 0; i < ELEMENTSOF(streams); i++) {
                sha256(BYTES_NULL, &streams[i]->sha256);
                streams[i]->beginning_sha256 = streams[i]->sha256;
        }
        if (find(world, request))
                agent.end = worker_stub_seal(world, request, &end);

        return ledger_finish(world->ledger, request, &agent, ret_result);
}
