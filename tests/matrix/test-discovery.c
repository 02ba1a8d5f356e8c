/* SPDX-License-Identifier: MIT */
/* What /.well-known/matrix/client may be, and the server that follows from it. */

#include "matrix/discovery.h"

#include <stdio.h>

#include "server.h"
#include "test.h"

typedef struct World {
        sd_event *event;
        MatrixServer server;
        MatrixCall *call;
        Answer answer;
        unsigned n_requests;
        bool done;
} World;

static Answer on_request(const ServerRequest *request, void *userdata)
{
        World *world = userdata;

        world->n_requests++;
        assert_string_equal(request->method, "GET");
        assert_string_equal(request->target, "/.well-known/matrix/client");
        return TAKE(world->answer, (Answer){ .how = ANSWER_DROP });
}

static void on_reply(MatrixCall *call, const MatrixReply *reply, void *userdata)
{
        World *world = userdata;

        assert_ok(discovery_take(&world->server, reply));
        world->call = matrix_call_free(call);
        world->done = true;
}

/* The name in the answer, or NULL if the server stays what it was. */
static void expect_server(Answer answer, const char *wanted)
{
        _cleanup_(http_client_freep) HttpClient *http = NULL;
        World world = { .answer = answer };
        Server web;

        assert_ok(sd_event_new(&world.event));
        assert_ok(http_client_new(world.event, &http));
        server_init(&web, world.event, on_request, &world);
        world.server = (MatrixServer){ .event = world.event, .http = http };
        assert_ok(matrix_server_set_url(&world.server, web.url));
        assert_ok(discovery_start(&world.server, on_reply, &world, &world.call));
        while (!world.done)
                assert_ok(sd_event_run(world.event, UINT64_MAX));
        assert_string_equal(world.server.url, wanted ?: web.url);
        assert_int_equal(world.n_requests, 1);

        matrix_server_done(&world.server);
        server_done(&web);
        http = http_client_free(http);
        sd_event_unref(world.event);
}

static void test_documents(void **state)
{
        static const struct {
                unsigned status;
                const char *header, *body, *server; /* server NULL: SERVER itself */
        } rows[] = {
                { 200, NULL, "{\"m.homeserver\":{\"base_url\":\"https://matrix.x\"}}", "https://matrix.x" },
                { 200, NULL, "{\"m.homeserver\":{\"base_url\":\"https://matrix.x:8448/a//\"},\"more\":[]}",
                  "https://matrix.x:8448/a" },
                { 200, "Content-Type: text/plain\r\n",
                  "{\"m.homeserver\":{\"base_url\":\"https://matrix.x\"}}", "https://matrix.x" },

                { 200, NULL, "{\"m.homeserver\":{\"base_url\":\"http://matrix.x\"}}", NULL },
                { 200, NULL, "{\"m.homeserver\":{\"base_url\":\"http://127.0.0.1:1\"}}", NULL },
                { 200, NULL, "{\"m.homeserver\":{\"base_url\":\"https://\"}}", NULL },
                { 200, NULL, "{\"m.homeserver\":{\"base_url\":\"file:///etc/passwd\"}}", NULL },
                { 200, NULL, "{\"m.homeserver\":{\"base_url\":\"matrix.x\"}}", NULL },
                { 200, NULL, "{\"m.homeserver\":{\"base_url\":7}}", NULL },
                { 200, NULL, "{\"m.homeserver\":{}}", NULL },
                { 200, NULL, "{\"m.homeserver\":\"https://matrix.x\"}", NULL },
                { 200, NULL, "[\"https://matrix.x\"]", NULL },
                { 200, NULL, "{\"m.homeserver\":{\"base_url\":\"https://matrix.x\"", NULL },
                { 200, NULL, "<html>", NULL },
                { 200, NULL, "", NULL },

                { 302, "Location: /other\r\n", "{\"m.homeserver\":{\"base_url\":\"https://matrix.x\"}}",
                  NULL },
                { 404, NULL, "{\"m.homeserver\":{\"base_url\":\"https://matrix.x\"}}", NULL },
                { 500, NULL, "", NULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                expect_server((Answer){ ANSWER, rows[i].status, rows[i].header, strdup(rows[i].body) },
                              rows[i].server);
}

/* None, one that is cut, and one that is larger than any. */
static void test_bad_servers(void **state)
{
        static const char body[] = "{\"m.homeserver\":{\"base_url\":\"https://matrix.x\"}}";
        size_t size = 128 * 1024;
        char *large = malloc(size + sizeof body);

        expect_server((Answer){ .how = ANSWER_DROP }, NULL);
        expect_server((Answer){ ANSWER_CUT, 200, NULL, strdup(body) }, NULL);
        assert_non_null(large);
        memset(large, ' ', size);
        memcpy(large + size, body, sizeof body);
        expect_server((Answer){ ANSWER, 200, NULL, large }, NULL);
}

static void test_names(void **state)
{
        MatrixServer server = { .url = NULL };

        assert_ok(discovery_set_server(&server, "@devbox:example.org"));
        assert_string_equal(server.url, "https://example.org");
        assert_ok(discovery_set_server(&server, "@devbox:[::1]:8448"));
        assert_string_equal(server.url, "https://[::1]:8448");
        assert_err(discovery_set_server(&server, "@devbox"), -EINVAL);
        matrix_server_done(&server);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_documents),
                cmocka_unit_test(test_bad_servers),
                cmocka_unit_test(test_names),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
