/* SPDX-License-Identifier: MIT */
/* Requests to a server that fails in every way, and decides in the end. */

#include "matrix/call.h"

#include <stdio.h>

#include "server.h"
#include "test.h"

#define SENT_MAX 8

typedef struct World {
        sd_event *event;
        HttpClient *http;
        Server web;
        MatrixServer server;
        const Answer *answers; /* the last one again and again */
        size_t n_sent;
        char *sent[SENT_MAX];
        size_t n_replies;
        int error;
        unsigned status;
        char code[32];
} World;

static Answer on_request(const ServerRequest *request, void *userdata)
{
        World *world = userdata;
        Answer answer = *world->answers;

        assert_true(world->n_sent < SENT_MAX);
        world->sent[world->n_sent++] = strdup(request->head);
        if (world->answers[1].status != 0 || world->answers[1].how != ANSWER)
                world->answers++;
        answer.body = answer.body ? strdup(answer.body) : NULL;
        return answer;
}

static void on_reply(MatrixCall *call, const MatrixReply *reply, void *userdata)
{
        World *world = userdata;

        world->n_replies++;
        world->error = reply->error;
        world->status = reply->status;
        (void) snprintf(world->code, sizeof world->code, "%s", matrix_reply_code(reply));
}

static int up(void **state)
{
        World *world = calloc(1, sizeof *world);

        assert_non_null(world);
        assert_ok(sd_event_new(&world->event));
        assert_ok(http_client_new(world->event, &world->http));
        server_init(&world->web, world->event, on_request, world);
        world->server = (MatrixServer){ .event = world->event, .http = world->http, .retry_min_usec = 1 };
        assert_ok(matrix_server_set_url(&world->server, world->web.url));
        assert_ok(secret_new("syt_1", 5, &world->server.token));
        *state = world;
        return 0;
}

static int down(void **state)
{
        World *world = *state;

        for (size_t i = 0; i < world->n_sent; i++)
                free(world->sent[i]);
        matrix_server_done(&world->server);
        http_client_freep(&world->http);
        server_done(&world->web);
        sd_event_unref(world->event);
        free(world);
        return 0;
}

static void start(World *world, bool once, MatrixCall **ret_call)
{
        const MatrixRequest request = { .method = "PUT",
                                        .target = "/_matrix/client/v3/rooms/!r/send/t/1?a=b",
                                        .body = "{\"a\":1}",
                                        .timeout_usec = 20 * USEC_PER_SEC,
                                        .once = once };

        assert_ok(matrix_call_start(&world->server, &request, on_reply, world, ret_call));
}

#define OK                                                                                                  \
        {                                                                                                   \
                ANSWER, 200, NULL, (char *) "{}"                                                            \
        }

static void test_decisions(void **state)
{
        static const struct {
                const char *what;
                Answer answers[4];
                bool once;
                size_t n_sent;
                int error;
                unsigned status;
                const char *code;
        } rows[] = {
                { "accepted", { OK }, false, 1, 0, 200, "" },
                { "too fast, header",
                  { { ANSWER, 429, "Retry-After: 0\r\n", (char *) "{\"errcode\":\"M_LIMIT_EXCEEDED\"}" },
                    OK },
                  false,
                  2,
                  0,
                  200,
                  "" },
                { "too fast, body",
                  { { ANSWER, 429, NULL, (char *) "{\"retry_after_ms\":1}" },
                    { ANSWER, 429, NULL, (char *) "{\"retry_after_ms\":0}" },
                    OK },
                  false,
                  3,
                  0,
                  200,
                  "" },
                { "a proxy's 502", { { ANSWER, 502, NULL, (char *) "<html>" }, OK }, false, 2, 0, 200, "" },
                { "no response", { { ANSWER_DROP, 0, NULL, NULL }, OK }, false, 2, 0, 200, "" },
                { "a cut body", { { ANSWER_CUT, 200, NULL, (char *) "{}" }, OK }, false, 2, 0, 200, "" },
                { "200 without JSON",
                  { { ANSWER, 200, NULL, (char *) "login here" }, OK },
                  false,
                  2,
                  0,
                  200,
                  "" },
                { "rejected",
                  { { ANSWER, 403, NULL, (char *) "{\"errcode\":\"M_FORBIDDEN\"}" } },
                  false,
                  1,
                  0,
                  403,
                  "M_FORBIDDEN" },
                { "rejected without a reason", { { ANSWER, 404, NULL, NULL } }, false, 1, 0, 404, "" },
                { "once: 503", { { ANSWER, 503, NULL, NULL } }, true, 1, 0, 503, "" },
                { "once: no response", { { ANSWER_DROP, 0, NULL, NULL } }, true, 1, -ECONNRESET, 0, "" },
                { "once: no JSON", { { ANSWER, 200, NULL, (char *) "x" } }, true, 1, -EBADMSG, 200, "" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(matrix_call_freep) MatrixCall *call = NULL;
                void *own = NULL;

                (void) up(&own);
                World *world = own;
                world->answers = rows[i].answers;
                start(world, rows[i].once, &call);
                while (world->n_replies == 0)
                        assert_ok(sd_event_run(world->event, UINT64_MAX));

                print_message("%s\n", rows[i].what);
                assert_int_equal(world->n_sent, rows[i].n_sent);
                assert_int_equal(world->error, rows[i].error);
                assert_int_equal(world->status, rows[i].status);
                assert_string_equal(world->code, rows[i].code);
                assert_non_null(strstr(world->sent[0], "Authorization: Bearer syt_1\r\n"));
                for (size_t j = 1; j < world->n_sent; j++) /* the same bytes */
                        assert_string_equal(world->sent[j], world->sent[0]);
                call = matrix_call_free(call);
                (void) down(&own);
        }
}

/* The server's wish outweighs our own delay, which is a microsecond here. */
static void test_retry_after(void **state)
{
        static const Answer answers[] = { { ANSWER, 429, "Retry-After: 3600\r\n", NULL }, { 0 } };
        _cleanup_(matrix_call_freep) MatrixCall *call = NULL;
        World *world = *state;

        world->answers = answers;
        start(world, false, &call);
        while (assert_ok(sd_event_run(world->event, 20000)) > 0 || world->n_sent == 0)
                ; /* until nothing is left to do */
        assert_int_equal(world->n_sent, 1);
        assert_int_equal(world->n_replies, 0);
}

/* A token is sent in clear to loopback only. */
static void test_urls(void **state)
{
        static const struct {
                const char *url;
                int error;
                const char *kept;
        } rows[] = {
                { "https://matrix.example.org", 0, "https://matrix.example.org" },
                { "https://matrix.example.org/", 0, "https://matrix.example.org" },
                { "http://127.0.0.1:8008", 0, "http://127.0.0.1:8008" },
                { "http://localhost:8008/", 0, "http://localhost:8008" },
                { "http://[::1]:8008", 0, "http://[::1]:8008" },
                { "http://matrix.example.org", -EINVAL, NULL },
                { "http://127.0.0.1.example.org", -EINVAL, NULL },
                { "http://10.42.0.1:8008", -EINVAL, NULL },
                { "https://", -EINVAL, NULL },
                { "ftp://127.0.0.1", -EINVAL, NULL },
                { "", -EINVAL, NULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                MatrixServer server = { .url = NULL };

                assert_err(matrix_server_set_url(&server, rows[i].url), rows[i].error);
                if (rows[i].kept)
                        assert_string_equal(server.url, rows[i].kept);
                matrix_server_done(&server);
        }
}

static ssize_t read_file(void *userdata, size_t at, char *buffer, size_t size)
{
        buffer[0] = "a\0b"[at]; /* a part */
        return 1;
}

/* Bytes are sent as they are, also a NUL, and are no JSON. */
static void test_file(void **state)
{
        _cleanup_(matrix_call_freep) MatrixCall *call = NULL;
        static const Answer answers[2] = { OK };
        World *world = *state;
        const MatrixRequest request = { .method = "POST",
                                        .target = "/_matrix/media/v3/upload",
                                        .read_file = read_file,
                                        .file_size = 3,
                                        .timeout_usec = 20 * USEC_PER_SEC,
                                        .once = true };

        world->answers = answers;
        assert_ok(matrix_call_start(&world->server, &request, on_reply, world, &call));
        while (world->n_replies == 0)
                assert_ok(sd_event_run(world->event, UINT64_MAX));
        assert_int_equal(world->status, 200);
        assert_non_null(strstr(world->sent[0], "Content-Length: 3\r\n"));
        assert_null(strstr(world->sent[0], "Transfer-Encoding")); /* which homeservers do not take */
        assert_non_null(strstr(world->sent[0], "Content-Type: application/octet-stream\r\n"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_decisions),
                cmocka_unit_test_setup_teardown(test_retry_after, up, down),
                cmocka_unit_test(test_urls),
                cmocka_unit_test_setup_teardown(test_file, up, down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
