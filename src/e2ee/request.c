/* SPDX-License-Identifier: MIT */
/* The queue of outgoing requests. */

#include "e2ee/request.h"

#include <unistd.h>

#include "codec/binary-text.h"

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

        r = query_run(e2ee->database,
                      "INSERT INTO e2ee_request(kind, target, room_id, txn_id, body, context) "
                      "VALUES (?, ?, ?, ?, ?, ?)",
                      "ittttt", (int64_t) request->kind, request->target, request->room_id, txn_id,
                      body_text, context_text);
        if (r < 0 || !ret_id)
                return r;

        r = query_integer(e2ee->database, ret_id, "SELECT last_insert_rowid()", "");
        return r < 0 ? r : 0;
}

int request_is_pending(E2ee *e2ee, E2eeRequestKind kind)
{
        return query_exists(e2ee->database, "SELECT 1 FROM e2ee_request WHERE kind = ? LIMIT 1", "i",
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

int e2ee_next_request(E2ee *e2ee, int64_t after_id, E2eeRequest *ret_request)
{
        _cleanup_(statement_resetp) Statement *rows = NULL;
        _cleanup_(e2ee_request_clear) E2eeRequest request = E2EE_REQUEST_NULL;

        int r = query(e2ee->database, &rows,
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
        r = statement_copy_text(rows, 2, &request.target);
        if (r == 0)
                r = statement_copy_text(rows, 3, &request.txn_id);
        if (r == 0)
                r = statement_copy_text(rows, 4, &request.body);
        if (r == 0)
                r = statement_copy_text(rows, 5, &request.room_id);
        if (r < 0)
                return r;

        *ret_request = TAKE(request, E2EE_REQUEST_NULL);
        return 1;
}
