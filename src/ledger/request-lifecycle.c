/* SPDX-License-Identifier: MIT */
/* Accepted requests: started, finished, or interrupted by a crash. */

#include <stdio.h>

#include "ledger/ledger-internal.h"
#include "ledger/request.h"

static int find_request(Ledger *ledger, const char *request_id, RequestRow *ret_row)
{
        if (!ulid_valid(request_id))
                return DEVBOX_ERROR_REQUEST_UNKNOWN;

        int r = requests_find(&ledger->requests, request_id, ret_row);
        return r < 0 ? r : r == 0 ? DEVBOX_ERROR_REQUEST_UNKNOWN : 0;
}

/* What was accepted and has waited is not started any more when the operator has taken that back. */
static int check_revocation(const Policy *policy)
{
        if (!policy->manifest || policy->manifest->epoch != policy->root->epoch)
                return DEVBOX_ERROR_MANIFEST_MISSING;

        return manifest_is_tombstone(policy->manifest) ? DEVBOX_ERROR_PEER_REVOKED : 0;
}

int ledger_started(Ledger *ledger, const char *request_id)
{
        _cleanup_(chain_transaction_done) ChainTransaction write = CHAIN_TRANSACTION_NULL;
        _cleanup_(request_row_done) RequestRow row = { 0 };
        uint64_t now_ms = ledger_time(ledger).now_ms;

        int r = find_request(ledger, request_id, &row);
        if (r != 0)
                return r;
        if (row.state != REQUEST_ACCEPTED)
                return DEVBOX_ERROR_REQUEST_STATE;
        r = check_revocation(&ledger->policy);
        if (r != 0)
                return r;
        if (ledger_effective_now_ms(ledger, now_ms) > row.start_until_ms)
                return DEVBOX_ERROR_EXPIRED; /* and stays open, for who accepted it to say how it ended */

        r = chain_transaction_begin(&ledger->chain, &write);
        if (r < 0)
                return r;
        r = chain_append(&write, AUDIT_REQUEST_STARTED, now_ms,
                         &(AuditBody){ .request_id = row.request_id, .request_sha256 = row.digest }, NULL);
        if (r != 0)
                return r;
        r = requests_set_state(&ledger->requests, row.request_id, REQUEST_STARTED, NULL);
        if (r < 0)
                return r;

        return chain_transaction_commit(&write);
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

        return requests_set_state(&ledger->requests, row->request_id, state, envelope);
}

/* Whether a request in this state can have ended like this, beyond the rules of result_schema: one that
 * never started has neither exit nor output. */
static bool outcome_is_possible(RequestState state, const Result *how)
{
        bool ran = how->exit.code >= 0 || how->exit.signal > 0 || how->started_at_ms > 0 ||
                   !result_stream_is_absent(&how->out) || !result_stream_is_absent(&how->err);

        if (how->status == RESULT_CANCELLED || how->status == RESULT_FAILED)
                return state == REQUEST_STARTED || !ran;

        return state == REQUEST_STARTED && (how->status == RESULT_FINISHED || how->status == RESULT_TIMEOUT);
}

static int end_request(Ledger *ledger, const RequestRow *row, const Result *how)
{
        _cleanup_(chain_transaction_done) ChainTransaction write = CHAIN_TRANSACTION_NULL;
        Result result = *how;

        if (!outcome_is_possible(row->state, how))
                return DEVBOX_ERROR_BAD_SCHEMA;

        int r = chain_transaction_begin(&ledger->chain, &write);
        if (r < 0)
                return r;
        r = write_end(ledger, &write, row, REQUEST_FINISHED, &result);
        if (r != 0)
                return r;

        return chain_transaction_commit(&write);
}

int ledger_finish(Ledger *ledger, const char *request_id, const Result *how, char **ret_result)
{
        RequestRow row = { 0 };

        int r = find_request(ledger, request_id, &row);
        if (r == 0 && (row.state == REQUEST_ACCEPTED || row.state == REQUEST_STARTED)) {
                r = end_request(ledger, &row, how);
                request_row_done(&row);
                if (r == 0)
                        r = find_request(ledger, request_id, &row);
        }
        if (r != 0)
                return r;

        *ret_result = TAKE_PTR(row.result);
        return 0;
}

/* ---- after a crash */

static int recover_one(Ledger *ledger, const RequestRow *row)
{
        _cleanup_(chain_transaction_done) ChainTransaction write = CHAIN_TRANSACTION_NULL;
        bool started = row->state == REQUEST_STARTED;
        Result result = { .status = started ? RESULT_INTERRUPTED_UNKNOWN : RESULT_INTERRUPTED,
                          .exit = { .code = -1 } };

        int r = chain_transaction_begin(&ledger->chain, &write);
        if (r < 0)
                return r;
        r = write_end(ledger, &write, row, started ? REQUEST_INTERRUPTED_UNKNOWN : REQUEST_INTERRUPTED,
                      &result);
        if (r != 0)
                return r;

        return chain_transaction_commit(&write);
}

int ledger_recover(Ledger *ledger)
{
        /* With another key than the chain's nothing can be signed: they stay open until it is adopted. */
        while (ledger_key_fits(ledger)) {
                _cleanup_(request_row_done) RequestRow row = { 0 };

                int r = requests_find_open(&ledger->requests, &row);
                if (r <= 0)
                        return r;
                r = recover_one(ledger, &row);
                if (r != 0)
                        return r;
        }

        return 0;
}
