/* SPDX-License-Identifier: MIT */
/* Accepted requests: started, finished, or interrupted by a crash. */

#include "codec/binary-text.h"
#include "ledger/confirmation.h"
#include "ledger/ledger-internal.h"
#include "ledger/request-end.h"
#include "trust/permit.h"

/* By its digest in hexadecimal, or by its id. */
static int find_request(Ledger *ledger, const char *request, RequestRow *ret_row)
{
        Sha256 digest;
        int r = 0;

        if (hex_parse(request, digest.bytes, sizeof digest.bytes) == 0)
                r = requests_find(&ledger->requests, &digest, ret_row);
        else if (ulid_valid(request))
                r = requests_find_id(&ledger->requests, request, ret_row);
        if (r == -ENOTUNIQ)
                return DEVBOX_ERROR_REQUEST_ID_CONFLICT;

        return r > 0 ? 0 : r == 0 ? DEVBOX_ERROR_REQUEST_UNKNOWN : r;
}

/* What was accepted and has waited does not start if a request like it would be rejected by now. */
static int check_start(const Ledger *ledger, const RequestRow *row, LedgerTime time)
{
        AcceptDevice device = ledger_accept_device(ledger, time);
        AcceptedRequest accepted = { .manifest = row->manifest,
                                     .entry = row->entry,
                                     .start_until_ms = row->start_until_ms };

        int r = accept_start(&device, &accepted);
        return r == 0 ? ledger_check_limits(ledger) : r;
}

/* The manifest is the one that the request was accepted under: see accept_start(). */
static int grant(const Ledger *ledger, const RequestRow *row, const uint8_t worker_key[static X25519_SIZE],
                 char **ret_permit, Secret **ret_end_key)
{
        const Manifest *manifest = ledger->policy.manifest;
        const PermitGrant permit = { .device = ledger->chain.device,
                                     .request_sha256 = &row->digest,
                                     .worker_key = worker_key,
                                     .capability = manifest_find_entry(manifest, row->entry),
                                     .roots = &manifest->roots };

        return permit_grant(&permit, ledger->identity, ret_permit, ret_end_key);
}

static int write_start(Ledger *ledger, const RequestRow *row, uint64_t now_ms)
{
        _cleanup_(chain_transaction_done) ChainTransaction write = CHAIN_TRANSACTION_NULL;

        int r = chain_transaction_begin(&ledger->chain, &write);
        if (r < 0)
                return r;
        r = confirmation_log(ledger, &write, manifest_find_entry(ledger->policy.manifest, row->entry),
                             now_ms);
        if (r != 0)
                return r;
        r = chain_append(
                &write, AUDIT_REQUEST_STARTED, now_ms,
                &(AuditBody){ .request_id = (char *) row->request_id, .request_sha256 = row->digest }, NULL);
        if (r != 0)
                return r;
        r = requests_set_state(&ledger->requests, &row->digest, REQUEST_STARTED, NULL);
        if (r < 0)
                return r;

        return chain_transaction_commit(&write);
}

int ledger_started(Ledger *ledger, const char *request, const uint8_t worker_key[static X25519_SIZE],
                   char **ret_permit)
{
        _cleanup_(request_row_done) RequestRow row = { 0 };
        _cleanup_(freep) char *permit = NULL;
        LedgerTime time = ledger_time(ledger);
        Secret *end_key = NULL;

        int r = find_request(ledger, request, &row);
        if (r != 0)
                return r;
        if (row.state != REQUEST_ACCEPTED)
                return DEVBOX_ERROR_REQUEST_STATE;
        r = check_start(ledger, &row, time);
        if (r != 0)
                return r;
        r = grant(ledger, &row, worker_key, &permit, &end_key);
        if (r != 0)
                return r;
        r = runs_add_take(&ledger->runs, &row.digest, end_key);
        if (r != 0)
                return r;
        r = write_start(ledger, &row, time.now_ms);
        if (r != 0) {
                runs_remove(&ledger->runs, &row.digest);
                return r;
        }

        *ret_permit = TAKE_PTR(permit);
        return 0;
}

/* Writes the entry, the signed result and the row. `result` borrows from the caller and the ledger. */
static int write_end(Ledger *ledger, ChainTransaction *write, const RequestRow *row, RequestState state,
                     Result *result)
{
        _cleanup_(freep) char *envelope = NULL;
        AuditBody body = { .request_id = (char *) row->request_id,
                           .request_sha256 = row->digest,
                           .status = (char *) result_status_names[result->status],
                           .reason = result->reason,
                           .exit_code = result->exit.code,
                           .exit_signal = result->exit.signal,
                           .stdout_sha256 = result->out.sha256,
                           .stderr_sha256 = result->err.sha256,
                           .stdout_size = result->out.size,
                           .stderr_size = result->err.size };

        int r = chain_append(write, AUDIT_REQUEST_FINISHED, ledger_time(ledger).now_ms, &body, NULL);
        if (r != 0)
                return r;

        result->request_id = (char *) row->request_id;
        result->request_sha256 = row->digest;
        r = ledger_sign_result(ledger, result, ledger->chain.pending.size - 1, &envelope);
        if (r != 0)
                return r;

        return requests_set_state(&ledger->requests, &row->digest, state, envelope);
}

static int commit_end(Ledger *ledger, const RequestRow *row, RequestEnd *end)
{
        _cleanup_(chain_transaction_done) ChainTransaction write = CHAIN_TRANSACTION_NULL;

        int r = chain_transaction_begin(&ledger->chain, &write);
        if (r < 0)
                return r;
        r = write_end(ledger, &write, row, end->state, &end->result);
        if (r != 0)
                return r;
        r = chain_transaction_commit(&write);
        if (r < 0)
                return r;

        runs_remove(&ledger->runs, &row->digest);
        return 0;
}

int ledger_finish(Ledger *ledger, const char *request, const AgentEnd *agent, char **ret_result)
{
        _cleanup_(request_row_done) RequestRow row = { 0 }, ended = { 0 };
        RequestEnd end;

        int r = find_request(ledger, request, &row);
        if (r != 0)
                return r;

        if (row.state == REQUEST_ACCEPTED || row.state == REQUEST_STARTED) {
                r = request_end_judge(&row, runs_find_key(&ledger->runs, &row.digest), agent, &end);
                if (r != 0)
                        return r;
                r = commit_end(ledger, &row, &end);
                if (r != 0)
                        return r;
                r = requests_find(&ledger->requests, &row.digest, &ended);
                if (r <= 0)
                        return r < 0 ? r : -EBADMSG;
        }

        *ret_result = ended.result ? TAKE_PTR(ended.result) : TAKE_PTR(row.result);
        return 0;
}

/* `agent` NULL: of all. With another key than the chain's nothing can be signed: they stay open until it is
 * adopted. */
static int interrupt(Ledger *ledger, const char *agent, size_t *ret_n)
{
        for (*ret_n = 0; ledger_key_fits(ledger); (*ret_n)++) {
                _cleanup_(request_row_done) RequestRow row = { 0 };
                RequestEnd end;

                int r = requests_find_open(&ledger->requests, agent, &row);
                if (r <= 0)
                        return r;
                request_end_interrupt(&row, &end);
                r = commit_end(ledger, &row, &end);
                if (r != 0)
                        return r;
        }

        return 0;
}

int ledger_interrupt(Ledger *ledger, const char *agent, size_t *ret_n)
{
        return interrupt(ledger, agent, ret_n);
}

int ledger_recover(Ledger *ledger)
{
        size_t n;

        return interrupt(ledger, NULL, &n);
}
