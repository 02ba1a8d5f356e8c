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

#define COLUMNS                                                                                             \
        "SELECT request_id, digest, state, seq, result, start_until_ms, manifest, entry FROM request "

int requests_init(Requests *requests, Database *database, uint64_t max)
{
        const struct {
                Statement **statement;
                const char *sql;
        } statements[] = {
                { &requests->find, COLUMNS "WHERE digest = ? ORDER BY state = 4 LIMIT 1" },
                { &requests->find_id, COLUMNS "WHERE request_id = ? ORDER BY state = 4 LIMIT 2" },
                { &requests->find_known, COLUMNS "WHERE digest = ? AND (state <> 4 OR dispatcher = ?) "
                                                 "ORDER BY state = 4 LIMIT 1" },
                { &requests->find_open, COLUMNS "WHERE state IN (1, 2) LIMIT 1" },
                { &requests->id_used, "SELECT 1 FROM request WHERE dispatcher = ? AND request_id = ?" },
                { &requests->nonce_used, "SELECT 1 FROM request WHERE dispatcher = ? AND nonce = ?" },
                { &requests->approval_used, "SELECT 1 FROM approval WHERE digest = ?" },
                { &requests->count_rate,
                  "SELECT count(*) FROM request WHERE entry = ? AND accepted_at_ms >= ?" },
                { &requests->insert,
                  "INSERT INTO request(dispatcher, request_id, digest, nonce, manifest, entry, "
                  "accepted_at_ms, start_until_ms, keep_until_ms, state, seq, result) "
                  "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)" },
                { &requests->insert_approval, "INSERT INTO approval(digest, keep_until_ms) VALUES(?, ?)" },
                { &requests->update,
                  "UPDATE request SET state = ?, result = ? WHERE digest = ? AND state IN (1, 2)" },
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
        Statement **statements[] = {
                &requests->find,
                &requests->find_id,
                &requests->find_known,
                &requests->find_open,
                &requests->id_used,
                &requests->nonce_used,
                &requests->approval_used,
                &requests->count_rate,
                &requests->insert,
                &requests->update,
                &requests->insert_approval,
                &requests->prune,
                &requests->prune_approvals,
        };

        for (size_t i = 0; i < ELEMENTSOF(statements); i++)
                *statements[i] = statement_free(*statements[i]);
}

void request_row_done(RequestRow *row)
{
        free(row->entry);
        free(row->result);
        row->entry = row->result = NULL;
}

/* NULL stays NULL. */
static int copy_text(const char *text, char **ret_copy)
{
        *ret_copy = text ? strdup(text) : NULL;
        return text && !*ret_copy ? -ENOMEM : 0;
}

/* Copies the row that the statement is at. */
static int copy_row(const Statement *statement, RequestRow *ret_row)
{
        _cleanup_(request_row_done) RequestRow row = { 0 };

        (void) snprintf(row.request_id, sizeof row.request_id, "%s", strempty(statement_text(statement, 0)));
        row.state = (RequestState) statement_integer(statement, 2);
        row.seq = (uint64_t) statement_integer(statement, 3);
        row.start_until_ms = (uint64_t) statement_integer(statement, 5);
        int r = statement_copy_bytes(statement, 1, row.digest.bytes, SHA256_SIZE);
        if (r == 0)
                r = copy_text(statement_text(statement, 4), &row.result);
        if (r == 0)
                r = statement_copy_bytes(statement, 6, row.manifest.bytes, SHA256_SIZE);
        if (r == 0)
                r = copy_text(statement_text(statement, 7), &row.entry);
        if (r < 0)
                return r;

        *ret_row = TAKE(row, ((RequestRow){ 0 }));
        return 1;
}

static int take_row(Statement *find, RequestRow *ret_row)
{
        _cleanup_(statement_resetp) Statement *use = find;

        int r = statement_step(use);
        return r > 0 ? copy_row(use, ret_row) : r;
}

int requests_find(Requests *requests, const Sha256 *digest, RequestRow *ret_row)
{
        statement_bind_bytes(requests->find, BYTES_OF(digest->bytes));
        return take_row(requests->find, ret_row);
}

int requests_find_id(Requests *requests, const char *request_id, RequestRow *ret_row)
{
        _cleanup_(request_row_done) RequestRow row = { 0 };
        _cleanup_(statement_resetp) Statement *find = requests->find_id;

        statement_bind_text(find, request_id);
        int r = statement_step(find);
        if (r > 0)
                r = copy_row(find, &row);
        if (r <= 0)
                return r;

        r = statement_step(find);
        if (r < 0)
                return r;
        if (r > 0 && statement_integer(find, 2) != REQUEST_DENIED)
                return -ENOTUNIQ;

        *ret_row = TAKE(row, ((RequestRow){ 0 }));
        return 1;
}

int requests_find_known(Requests *requests, const PublicKey *dispatcher, const Sha256 *digest,
                        RequestRow *ret_row)
{
        statement_bind_bytes(requests->find_known, BYTES_OF(digest->bytes));
        statement_bind_bytes(requests->find_known, BYTES_OF(dispatcher->bytes));
        return take_row(requests->find_known, ret_row);
}

int requests_find_open(Requests *requests, RequestRow *ret_row)
{
        return take_row(requests->find_open, ret_row);
}

/* ---- AcceptLedger */

static int request_known(void *userdata, const PublicKey *dispatcher, const Sha256 *digest)
{
        _cleanup_(request_row_done) RequestRow row = { 0 };

        return requests_find_known(userdata, dispatcher, digest, &row);
}

static int exists(Statement *find)
{
        _cleanup_(statement_resetp) Statement *use = find;

        return statement_step(use);
}

static int id_used(void *userdata, const PublicKey *dispatcher, const char *request_id)
{
        Requests *requests = userdata;

        statement_bind_bytes(requests->id_used, BYTES_OF(dispatcher->bytes));
        statement_bind_text(requests->id_used, request_id);
        return exists(requests->id_used);
}

static int nonce_used(void *userdata, const PublicKey *dispatcher, const uint8_t nonce[REQUEST_NONCE_SIZE])
{
        Requests *requests = userdata;

        statement_bind_bytes(requests->nonce_used, BYTES_OF(dispatcher->bytes));
        statement_bind_bytes(requests->nonce_used, BYTES(nonce, REQUEST_NONCE_SIZE));
        return exists(requests->nonce_used);
}

static int approval_used(void *userdata, const Sha256 *digest)
{
        Requests *requests = userdata;

        statement_bind_bytes(requests->approval_used, BYTES_OF(digest->bytes));
        return exists(requests->approval_used);
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
                                       .id_used = id_used,
                                       .nonce_used = nonce_used,
                                       .approval_used = approval_used,
                                       .rate_reached = rate_reached };

/* ---- writing */

int requests_add(Requests *requests, const NewRequest *row)
{
        Statement *insert = requests->insert;

        statement_bind_bytes(insert, BYTES_OF(row->dispatcher->bytes));
        statement_bind_text(insert, row->request->request_id);
        statement_bind_bytes(insert, BYTES_OF(row->digest->bytes));
        statement_bind_bytes(insert, BYTES_OF(row->request->nonce));
        statement_bind_bytes(insert, BYTES_OF(row->manifest->bytes));
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

int requests_set_state(Requests *requests, const Sha256 *digest, RequestState state, const char *result)
{
        statement_bind_integer(requests->update, state);
        statement_bind_text(requests->update, result);
        statement_bind_bytes(requests->update, BYTES_OF(digest->bytes));
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
