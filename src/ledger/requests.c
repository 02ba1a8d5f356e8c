/* SPDX-License-Identifier: MIT */
/* The tables `request` and `approval`. */

#include "ledger/requests.h"

#include <stdio.h>

static const char *const state_names[_REQUEST_STATE_MAX] = {
        [REQUEST_ACCEPTED] = "accepted",       [REQUEST_STARTED] = "started",
        [REQUEST_FINISHED] = "finished",       [REQUEST_DENIED] = "denied",
        [REQUEST_INTERRUPTED] = "interrupted", [REQUEST_INTERRUPTED_UNKNOWN] = "interrupted_unknown",
};

const char *request_state_name(RequestState state)
{
        return state > 0 && state < _REQUEST_STATE_MAX ? state_names[state] : "unknown";
}

#define COLUMNS "SELECT request_id, digest, state, seq, result, start_until_ms FROM request "

int requests_init(Requests *requests, Database *database, uint64_t max)
{
        const struct {
                Statement **statement;
                const char *sql;
        } statements[] = {
                { &requests->find, COLUMNS "WHERE request_id = ?" },
                { &requests->find_open, COLUMNS "WHERE state IN (1, 2) LIMIT 1" },
                { &requests->find_nonce, "SELECT 1 FROM request WHERE nonce = ?" },
                { &requests->find_approval, "SELECT 1 FROM approval WHERE digest = ?" },
                { &requests->count_rate,
                  "SELECT count(*) FROM request WHERE entry = ? AND accepted_at_ms >= ?" },
                { &requests->insert, "INSERT INTO request(request_id, digest, nonce, entry, accepted_at_ms, "
                                     "start_until_ms, keep_until_ms, state, seq,"
                                     " result) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)" },
                { &requests->insert_approval, "INSERT INTO approval(digest, keep_until_ms) VALUES(?, ?)" },
                { &requests->update, "UPDATE request SET state = ?, result = ? WHERE request_id = ?" },
                { &requests->prune, "DELETE FROM request WHERE keep_until_ms < ? AND state NOT IN (1, 2)" },
                { &requests->prune_approvals, "DELETE FROM approval WHERE keep_until_ms < ?" },
        };

        *requests = (Requests){ .database = database, .max = max };
        for (size_t i = 0; i < ELEMENTSOF(statements); i++) {
                int r = database_prepare(database, statements[i].sql, statements[i].statement);
                if (r < 0)
                        return r;
        }

        return requests_count(requests);
}

void requests_done(Requests *requests)
{
        Statement **statements[] = { &requests->find,
                                     &requests->find_nonce,
                                     &requests->find_approval,
                                     &requests->count_rate,
                                     &requests->find_open,
                                     &requests->insert,
                                     &requests->insert_approval,
                                     &requests->update,
                                     &requests->prune,
                                     &requests->prune_approvals };

        for (size_t i = 0; i < ELEMENTSOF(statements); i++)
                *statements[i] = statement_free(*statements[i]);
}

void request_row_done(RequestRow *row)
{
        free(row->result);
        row->result = NULL;
}

/* Copies the row that the statement finds, and resets it. */
static int take_row(Statement *find, RequestRow *ret_row)
{
        _cleanup_(statement_resetp) Statement *use = find;
        RequestRow row = { 0 };

        int r = statement_step(use);
        if (r <= 0)
                return r;

        (void) snprintf(row.request_id, sizeof row.request_id, "%s", strempty(statement_text(use, 0)));
        r = statement_copy_bytes(use, 1, row.digest.bytes, SHA256_SIZE);
        if (r < 0)
                return r;
        row.state = (RequestState) statement_integer(use, 2);
        row.seq = (uint64_t) statement_integer(use, 3);
        row.start_until_ms = (uint64_t) statement_integer(use, 5);
        if (statement_text(use, 4)) {
                row.result = strdup(statement_text(use, 4));
                if (!row.result)
                        return -ENOMEM;
        }

        *ret_row = row;
        return 1;
}

int requests_find(Requests *requests, const char *request_id, RequestRow *ret_row)
{
        statement_bind_text(requests->find, request_id);
        return take_row(requests->find, ret_row);
}

int requests_find_open(Requests *requests, RequestRow *ret_row)
{
        return take_row(requests->find_open, ret_row);
}

/* ---- AcceptLedger */

static int request_known(void *userdata, const char *request_id, Sha256 *ret_digest)
{
        RequestRow row;

        int r = requests_find(userdata, request_id, &row);
        if (r <= 0)
                return r;

        *ret_digest = row.digest;
        request_row_done(&row);
        return 1;
}

static int exists(Statement *find)
{
        _cleanup_(statement_resetp) Statement *use = find;

        return statement_step(use);
}

static int nonce_known(void *userdata, const uint8_t nonce[REQUEST_NONCE_SIZE])
{
        Requests *requests = userdata;

        statement_bind_bytes(requests->find_nonce, BYTES(nonce, REQUEST_NONCE_SIZE));
        return exists(requests->find_nonce);
}

static int approval_used(void *userdata, const Sha256 *digest)
{
        Requests *requests = userdata;

        statement_bind_bytes(requests->find_approval, BYTES_OF(digest->bytes));
        return exists(requests->find_approval);
}

static int rate_reached(void *userdata, const char *capability_id, uint64_t since_ms, int64_t n)
{
        Requests *requests = userdata;
        _cleanup_(statement_resetp) Statement *count = requests->count_rate;

        statement_bind_text(count, capability_id);
        statement_bind_integer(count, (int64_t) since_ms);
        int r = statement_step(count);
        if (r <= 0)
                return r < 0 ? r : -EBADMSG;

        return statement_integer(count, 0) >= n;
}

const AcceptLedger requests_ledger = { .request_known = request_known,
                                       .nonce_known = nonce_known,
                                       .approval_used = approval_used,
                                       .rate_reached = rate_reached };

/* ---- writing */

int requests_add(Requests *requests, const NewRequest *row)
{
        Statement *insert = requests->insert;

        statement_bind_text(insert, row->request->request_id);
        statement_bind_bytes(insert, BYTES_OF(row->digest->bytes));
        statement_bind_bytes(insert, BYTES_OF(row->request->nonce));
        statement_bind_text(insert, row->entry);
        statement_bind_integer(insert, (int64_t) row->now_ms);
        statement_bind_integer(insert, (int64_t) row->start_until_ms);
        statement_bind_integer(insert, (int64_t) row->keep_until_ms);
        statement_bind_integer(insert, row->state);
        statement_bind_integer(insert, (int64_t) row->seq);
        statement_bind_text(insert, row->result);
        int r = statement_run(insert);
        if (r < 0)
                return r;

        for (size_t i = 0; i < row->n_approvals; i++) {
                statement_bind_bytes(requests->insert_approval, BYTES_OF(row->approvals[i].bytes));
                statement_bind_integer(requests->insert_approval, (int64_t) row->keep_until_ms);
                r = statement_run(requests->insert_approval);
                if (r < 0)
                        return r;
        }

        requests->n++;
        return 0;
}

int requests_set_state(Requests *requests, const char *request_id, RequestState state, const char *result)
{
        statement_bind_integer(requests->update, state);
        statement_bind_text(requests->update, result);
        statement_bind_text(requests->update, request_id);
        return statement_run(requests->update);
}

int requests_prune(Requests *requests, uint64_t now_ms)
{
        Statement *statements[] = { requests->prune, requests->prune_approvals };

        for (size_t i = 0; i < ELEMENTSOF(statements); i++) {
                statement_bind_integer(statements[i], (int64_t) now_ms);
                int r = statement_run(statements[i]);
                if (r < 0)
                        return r;
        }

        return requests_count(requests);
}

int requests_count(Requests *requests)
{
        _cleanup_(statement_freep) Statement *count = NULL;

        int r = database_prepare(requests->database, "SELECT count(*) FROM request", &count);
        if (r < 0)
                return r;
        r = statement_step(count);
        if (r <= 0)
                return r < 0 ? r : -EBADMSG;

        requests->n = (uint64_t) statement_integer(count, 0);
        return 0;
}
