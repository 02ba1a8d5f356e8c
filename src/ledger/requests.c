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
        *requests = (Requests){ .database = database, .max = max };
        return requests_count(requests);
}

void request_row_done(RequestRow *row)
{
        free(row->entry);
        free(row->result);
        row->entry = row->result = NULL;
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
                r = statement_copy_text(statement, 4, &row.result);
        if (r == 0)
                r = statement_copy_bytes(statement, 6, row.manifest.bytes, SHA256_SIZE);
        if (r == 0)
                r = statement_copy_text(statement, 7, &row.entry);
        if (r < 0)
                return r;

        *ret_row = TAKE(row, ((RequestRow){ 0 }));
        return 1;
}

/* Reads the first row, and resets. */
static int take_row(Statement *statement, RequestRow *ret_row)
{
        _cleanup_(statement_resetp) Statement *rows = statement;

        int r = statement_step(rows);
        return r > 0 ? copy_row(rows, ret_row) : r;
}

int requests_find(Requests *requests, const Sha256 *digest, RequestRow *ret_row)
{
        Statement *rows;

        int r = query(requests->database, &rows, COLUMNS "WHERE digest = ? ORDER BY state = 4 LIMIT 1", "b",
                      BYTES_OF(digest->bytes));
        return r < 0 ? r : take_row(rows, ret_row);
}

int requests_find_id(Requests *requests, const char *request_id, RequestRow *ret_row)
{
        _cleanup_(request_row_done) RequestRow row = { 0 };
        _cleanup_(statement_resetp) Statement *rows = NULL;

        int r = query(requests->database, &rows, COLUMNS "WHERE request_id = ? ORDER BY state = 4 LIMIT 2",
                      "t", request_id);
        if (r == 0)
                r = statement_step(rows);
        if (r > 0)
                r = copy_row(rows, &row);
        if (r <= 0)
                return r;

        r = statement_step(rows);
        if (r < 0)
                return r;
        if (r > 0 && statement_integer(rows, 2) != REQUEST_DENIED)
                return -ENOTUNIQ;

        *ret_row = TAKE(row, ((RequestRow){ 0 }));
        return 1;
}

int requests_find_known(Requests *requests, const PublicKey *dispatcher, const Sha256 *digest,
                        RequestRow *ret_row)
{
        Statement *rows;

        int r = query(requests->database, &rows,
                      COLUMNS "WHERE digest = ? AND (state <> 4 OR dispatcher = ?) "
                              "ORDER BY state = 4 LIMIT 1",
                      "bb", BYTES_OF(digest->bytes), BYTES_OF(dispatcher->bytes));
        return r < 0 ? r : take_row(rows, ret_row);
}

int requests_find_open(Requests *requests, const char *agent, RequestRow *ret_row)
{
        Statement *rows;

        int r = query(requests->database, &rows,
                      COLUMNS "WHERE state IN (1, 2) AND (?1 IS NULL OR agent = ?1) LIMIT 1", "t", agent);
        return r < 0 ? r : take_row(rows, ret_row);
}

/* ---- AcceptLedger */

static int request_known(void *userdata, const PublicKey *dispatcher, const Sha256 *digest)
{
        _cleanup_(request_row_done) RequestRow row = { 0 };

        return requests_find_known(userdata, dispatcher, digest, &row);
}

static int id_used(void *userdata, const PublicKey *dispatcher, const char *request_id)
{
        const Requests *requests = userdata;

        return query_exists(requests->database,
                            "SELECT 1 FROM request WHERE dispatcher = ? AND request_id = ?", "bt",
                            BYTES_OF(dispatcher->bytes), request_id);
}

static int nonce_used(void *userdata, const PublicKey *dispatcher, const uint8_t nonce[REQUEST_NONCE_SIZE])
{
        const Requests *requests = userdata;

        return query_exists(requests->database, "SELECT 1 FROM request WHERE dispatcher = ? AND nonce = ?",
                            "bb", BYTES_OF(dispatcher->bytes), BYTES(nonce, REQUEST_NONCE_SIZE));
}

static int approval_used(void *userdata, const Sha256 *digest)
{
        const Requests *requests = userdata;

        return query_exists(requests->database, "SELECT 1 FROM approval WHERE digest = ?", "b",
                            BYTES_OF(digest->bytes));
}

static int rate_reached(void *userdata, const char *capability_id, uint64_t since_ms, int64_t n)
{
        const Requests *requests = userdata;
        int64_t count;

        int r = query_integer(requests->database, &count,
                              "SELECT count(*) FROM request WHERE entry = ? AND accepted_at_ms >= ?", "ti",
                              capability_id, (int64_t) since_ms);
        if (r <= 0)
                return r < 0 ? r : -EBADMSG;

        return count >= n;
}

const AcceptLedger requests_ledger = { .request_known = request_known,
                                       .id_used = id_used,
                                       .nonce_used = nonce_used,
                                       .approval_used = approval_used,
                                       .rate_reached = rate_reached };

/* ---- writing */

int requests_add(Requests *requests, const NewRequest *row)
{
        int r = query_run(requests->database,
                          "INSERT INTO request(dispatcher, request_id, digest, nonce, manifest, entry, "
                          "accepted_at_ms, start_until_ms, keep_until_ms, state, seq, result, agent) "
                          "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                          "btbbbtiiiiitt", BYTES_OF(row->dispatcher->bytes), row->request->request_id,
                          BYTES_OF(row->digest->bytes), BYTES_OF(row->request->nonce),
                          BYTES_OF(row->manifest->bytes), row->entry, (int64_t) row->now_ms,
                          (int64_t) row->start_until_ms, (int64_t) row->keep_until_ms, (int64_t) row->state,
                          (int64_t) row->seq, row->result, row->agent);
        for (size_t i = 0; r == 0 && i < row->n_approvals; i++)
                r = query_run(requests->database, "INSERT INTO approval(digest, keep_until_ms) VALUES(?, ?)",
                              "bi", BYTES_OF(row->approvals[i].bytes), (int64_t) row->keep_until_ms);
        if (r < 0)
                return r;

        requests->n++;
        return 0;
}

int requests_set_state(Requests *requests, const Sha256 *digest, RequestState state, const char *result)
{
        return query_run(requests->database,
                         "UPDATE request SET state = ?, result = ? WHERE digest = ? AND state IN (1, 2)",
                         "itb", (int64_t) state, result, BYTES_OF(digest->bytes));
}

int requests_prune(Requests *requests, uint64_t now_ms)
{
        int r = query_run(requests->database,
                          "DELETE FROM request WHERE keep_until_ms < ? AND state NOT IN (1, 2)", "i",
                          (int64_t) now_ms);
        if (r == 0)
                r = query_run(requests->database, "DELETE FROM approval WHERE keep_until_ms < ?", "i",
                              (int64_t) now_ms);

        return r < 0 ? r : requests_count(requests);
}

int requests_count(Requests *requests)
{
        int64_t count;

        int r = query_integer(requests->database, &count, "SELECT count(*) FROM request", "");
        if (r <= 0)
                return r < 0 ? r : -EBADMSG;

        requests->n = (uint64_t) count;
        return 0;
}
