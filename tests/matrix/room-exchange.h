/* SPDX-License-Identifier: MIT */
#pragma once

/* Requests of matrix/room-queue.h and their answers, for tests. */

#include "e2ee/json.h"
#include "matrix/room-queue.h"
#include "store.h"
#include "test.h"

#define BOT "@bot:x"
#define API "/_matrix/client/v3"

/* What is asked, and what the server answers. */
typedef struct Exchange {
        const char *method, *target;
        const char *body; /* a part of it; NULL: it has none */
        unsigned status;
        const char *answer;
} Exchange;

static inline void exchange(TestStore *store, const Exchange *expected)
{
        _cleanup_(json_freep) cJSON *body = NULL;
        RoomRequest request, again;

        assert_int_equal(assert_ok(room_queue_next(store->database, BOT, 0, &request)), 1);
        assert_string_equal(request.target, expected->target);
        assert_string_equal(request.method, expected->method);
        if (expected->body)
                assert_non_null(strstr(request.body, expected->body));
        else
                assert_null(request.body);

        /* An answer that is lost: the same is asked again. */
        assert_int_equal(assert_ok(room_queue_next(store->database, BOT, 0, &again)), 1);
        assert_string_equal(again.target, request.target);
        assert_int_equal(again.id, request.id);

        assert_ok(matrix_json_parse(bytes_of_string(expected->answer), SIZE_MAX, &body));
        const MatrixReply reply = { .status = expected->status, .body = body };
        assert_ok(room_queue_answered(store->database, BOT, request.id, &reply));
        free(request.target);
        free(request.body);
        free(again.target);
        free(again.body);
}

static inline void finished(TestStore *store)
{
        RoomRequest request;

        assert_int_equal(assert_ok(room_queue_next(store->database, BOT, 0, &request)), 0);
}
