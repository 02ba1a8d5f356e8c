/* SPDX-License-Identifier: MIT */
/* Accepted requests: started, finished, or interrupted by a crash. */

#include "codec/binary-text.h"
#include "ledger/confirmation.h"
#include "ledger/ledger-internal.h"
#include "ledger/request.h"

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

int ledger_started(Ledger *ledger, const char *request)
{
        _cleanup_(chain_transaction_done) ChainTransaction write = CHAIN_TRANSACTION_NULL;
        _cleanup_(request_row_done) RequestRow row = { 0 };
        LedgerTime time = ledger_time(ledger);

        int r = find_request(ledger, request, &row);
        if (r != 0)
                return r;
        if (row.state != REQUEST_ACCEPTED)
                return DEVBOX_ERROR_REQUEST_STATE;
        r = check_start(ledger, &row, time);
        if (r != 0)
                return r; /* it stays open, for who accepted it to report how it ended */

        r = chain_transaction_begin(&ledger->chain, &write);
        if (r < 0)
                return r;
        r = confirmation_log(ledger, &write, manifest_find_entry(ledger->policy.manifest, row.entry),
                             time.now_ms);
        if (r != 0)
                return r;
        r = chain_append(&write, AUDIT_REQUEST_STARTED, time.now_ms,
                         &(AuditBody){ .request_id = row.request_id, .request_sha256 = row.digest }, NULL);
        if (r != 0)
                return r;
        r = requests_set_state(&ledger->requests, &row.digest, REQUEST_STARTED, NULL);
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

        return requests_set_state(&ledger->requests, &row->digest, state, envelope);
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

int ledger_finish(Ledger *ledger, const char *request, const Result *how, char **ret_result)
{
        _cleanup_(request_row_done) RequestRow row = { 0 }, ended = { 0 };

        int r = find_request(ledger, request, &row);
        if (r != 0)
                return r;

        if (row.state == REQUEST_ACCEPTED || row.state == REQUEST_STARTED) {
                r = end_request(ledger, &row, how);
                if (r != 0)
                        return r;
                r = requests_find(&ledger->requests, &row.digest, &ended);
                if (r <= 0)
                        return r < 0 ? r : -EBADMSG;
        }

        *ret_result = ended.result ? TAKE_PTR(ended.result) : TAKE_PTR(row.result);
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
