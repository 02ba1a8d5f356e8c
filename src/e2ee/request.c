/* SPDX-License-Identifier: MIT */
/* The queue of outgoing requests, and which file reads the answer to which. */

#include "e2ee/request.h"

#include <unistd.h>

#include "codec/binary-text.h"
#include "e2ee/account.h"
#include "e2ee/claim.h"
#include "e2ee/cross-signing.h"
#include "e2ee/device-list.h"
#include "e2ee/verification.h"

/* What reads an answer: gets the context of its request, and the response: NULL if there was none. */
typedef int AnswerReader(E2ee *e2ee, const cJSON *context, const cJSON *response);

static const struct {
        AnswerReader *on_done, *on_refused;
} readers[] = {
        [E2EE_KEYS_UPLOAD] = { account_on_uploaded, account_on_refused },
        [E2EE_KEYS_QUERY] = { device_list_on_queried, device_list_on_refused },
        [E2EE_KEYS_CLAIM] = { claim_on_claimed, claim_on_refused },
        [E2EE_SIGNING_KEYS_UPLOAD] = { cross_signing_on_uploaded, NULL },
        [E2EE_SIGNATURES_UPLOAD] = { cross_signing_on_signed, NULL },
        [E2EE_TO_DEVICE] = { NULL, NULL },
        [E2EE_ROOM_EVENT] = { verification_on_sent, NULL },
};

int random_id(char ret_id[static RANDOM_ID_SIZE])
{
        uint8_t bytes[(RANDOM_ID_SIZE - 1) / 2];

        if (getentropy(bytes, sizeof bytes) < 0)
                return -errno;

        hex_format(BYTES_OF(bytes), ret_id);
        return 0;
}

int request_add(E2ee *e2ee, const NewRequest *request, int64_t *ret_id)
{
        _cleanup_(json_freep) cJSON *body = request->body, *context = request->context;
        _cleanup_(freep) char *body_text = NULL, *context_text = NULL;
        char txn_id[RANDOM_ID_SIZE];

        int r = random_id(txn_id);
        if (r == 0)
                r = canonical_json(body, false, &body_text);
        if (r == 0 && context)
                r = canonical_json(context, false, &context_text);
        if (r < 0)
                return r;

        r = query_run(e2ee->queries,
                      "INSERT INTO e2ee_request(kind, target, room_id, txn_id, body, context) "
                      "VALUES (?, ?, ?, ?, ?, ?)",
                      "ittttt", (int64_t) request->kind, request->target, request->room_id, txn_id,
                      body_text, context_text);
        if (r < 0 || !ret_id)
                return r;

        r = query_integer(e2ee->queries, ret_id, "SELECT last_insert_rowid()", "");
        return r < 0 ? r : 0;
}

int request_is_pending(E2ee *e2ee, E2eeRequestKind kind)
{
        int64_t one;

        return query_integer(e2ee->queries, &one, "SELECT 1 FROM e2ee_request WHERE kind = ? LIMIT 1", "i",
                             (int64_t) kind);
}

int to_device_send(E2ee *e2ee, const char *type, const char *user_id, const char *device_id, cJSON *content)
{
        cJSON *body = NULL;

        int r = json_pack(&body, "{messages:{*:{*:o}}}", user_id, device_id, content);
        if (r < 0)
                return r;

        return request_add(e2ee, &(NewRequest){ E2EE_TO_DEVICE, type, body, NULL }, NULL);
}

void e2ee_request_clear(E2eeRequest *request)
{
        free(request->target);
        free(request->room_id);
        free(request->txn_id);
        free(request->body);
        *request = E2EE_REQUEST_NULL;
}

static int copy_text(const Statement *rows, int column, char **ret_text)
{
        const char *text = statement_text(rows, column);

        *ret_text = text ? strdup(text) : NULL;
        return text && !*ret_text ? -ENOMEM : 0;
}

int e2ee_next_request(E2ee *e2ee, int64_t after_id, E2eeRequest *ret_request)
{
        _cleanup_(statement_resetp) Statement *rows = NULL;
        _cleanup_(e2ee_request_clear) E2eeRequest request = E2EE_REQUEST_NULL;

        int r = query(e2ee->queries, &rows,
                      "SELECT id, kind, target, txn_id, body, room_id FROM e2ee_request WHERE id > ? "
                      "ORDER BY id LIMIT 1",
                      "i", after_id);
        if (r < 0)
                return r;
        r = statement_step(rows);
        if (r <= 0)
                return r;

        request.id = statement_integer(rows, 0);
        request.kind = (E2eeRequestKind) statement_integer(rows, 1);
        r = copy_text(rows, 2, &request.target);
        if (r == 0)
                r = copy_text(rows, 3, &request.txn_id);
        if (r == 0)
                r = copy_text(rows, 4, &request.body);
        if (r == 0)
                r = copy_text(rows, 5, &request.room_id);
        if (r < 0)
                return r;

        *ret_request = TAKE(request, E2EE_REQUEST_NULL);
        return 1;
}

/* Takes the request out of the queue and gives its answer to the reader. */
static int answered(E2ee *e2ee, int64_t id, const cJSON *response, bool done)
{
        _cleanup_(json_freep) cJSON *context = NULL;
        _cleanup_(freep) char *text = NULL;
        int64_t kind = -1;

        int r = query_integer(e2ee->queries, &kind, "SELECT kind FROM e2ee_request WHERE id = ?", "i", id);
        if (r <= 0)
                return r;
        r = query_text(e2ee->queries, &text, "SELECT context FROM e2ee_request WHERE id = ?", "i", id);
        if (r > 0)
                r = pickle_error(matrix_json_parse(bytes_of_string(text), SIZE_MAX, &context));
        if (r < 0)
                return r;
        r = query_run(e2ee->queries, "DELETE FROM e2ee_request WHERE id = ?", "i", id);
        if (r < 0)
                return r;

        if (kind < 0 || (size_t) kind >= ELEMENTSOF(readers))
                return -EIO;
        AnswerReader *reader = done ? readers[kind].on_done : readers[kind].on_refused;
        r = reader ? reader(e2ee, context, response) : 0;
        return r < 0 ? r : e2ee_plan(e2ee);
}

int e2ee_request_done(E2ee *e2ee, int64_t id, const cJSON *response)
{
        return answered(e2ee, id, response, true);
}

int e2ee_request_refused(E2ee *e2ee, int64_t id, const cJSON *response)
{
        return answered(e2ee, id, response, false);
}
