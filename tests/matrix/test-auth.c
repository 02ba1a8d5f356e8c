/* SPDX-License-Identifier: MIT */
/* Logging in by password: what is sent, and what the answers mean. */

#include "matrix/auth.h"

#include "e2ee/json.h"
#include "server.h"
#include "test.h"

typedef struct World {
        sd_event *event;
        const char *answer;
        unsigned status, n_requests;
        int result;
        bool done;
        MatrixLogin login;
} World;

static Answer on_request(const ServerRequest *request, void *userdata)
{
        _cleanup_(json_freep) cJSON *body = NULL;
        World *world = userdata;

        world->n_requests++;
        assert_string_equal(request->method, "POST");
        assert_string_equal(request->target, "/_matrix/client/v3/login");
        assert_null(strstr(request->head, "Authorization"));
        assert_ok(matrix_json_parse(bytes_of_string(request->body), SIZE_MAX, &body));
        assert_string_equal(object_string(body, "password"), "p\"\xc3\xa4ss");
        assert_string_equal(object_string(body, "device_id"), "DEV");
        assert_true(object_is_true(body, "refresh_token"));
        assert_string_equal(object_string(object_object(body, "identifier"), "user"), "@bot:x");
        return (Answer){ ANSWER, world->status, NULL, strdup(world->answer) };
}

static void on_reply(MatrixCall *call, const MatrixReply *reply, void *userdata)
{
        World *world = userdata;
        MatrixTokens tokens;

        world->done = true;
        world->result = auth_login_tokens(&world->login, reply, &tokens);
        if (world->result == 0)
                assert_true(bytes_equal(tokens.access, bytes_of_string("syt_x")));
}

static void test_login(void **state)
{
        static const struct {
                unsigned status;
                const char *answer;
                int result;
        } rows[] = {
                { 200, "{\"access_token\":\"syt_x\",\"user_id\":\"@bot:x\",\"device_id\":\"DEV\"}", 0 },
                { 200, "{\"access_token\":\"syt_x\",\"user_id\":\"@eve:x\",\"device_id\":\"DEV\"}", -EXDEV },
                { 200, "{\"access_token\":\"syt_x\",\"user_id\":\"@bot:x\",\"device_id\":\"NEW\"}", -EXDEV },
                { 200, "{}", -EPROTO },
                { 200, "<html>", -EBADMSG },
                { 403, "{\"errcode\":\"M_FORBIDDEN\"}", -EACCES },
                { 429, "{\"errcode\":\"M_LIMIT_EXCEEDED\",\"retry_after_ms\":1}", -EPROTO }, /* not again */
                { 502, "", -EPROTO },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                World world = { .answer = rows[i].answer,
                                .status = rows[i].status,
                                .login = { .user_id = (char *) "@bot:x", .device_id = (char *) "DEV" } };
                _cleanup_(secret_freep) Secret *password = NULL;
                _cleanup_(http_client_freep) HttpClient *http = NULL;
                MatrixServer server = { .retry_min_usec = 1 };
                MatrixCall *call = NULL;
                Server web;

                assert_ok(sd_event_new(&world.event));
                assert_ok(http_client_new(world.event, &http));
                assert_ok(secret_new("p\"\xc3\xa4ss", 6, &password));
                server_init(&web, world.event, on_request, &world);
                server.event = world.event;
                server.http = http;
                assert_ok(matrix_server_set_url(&server, web.url));
                assert_ok(auth_login_start(&server, &(AuthCredentials){ &world.login, password }, on_reply,
                                           &world, &call));
                while (!world.done)
                        assert_ok(sd_event_run(world.event, UINT64_MAX));
                assert_int_equal(world.result, rows[i].result);
                assert_int_equal(world.n_requests, 1);

                call = matrix_call_free(call);
                matrix_server_done(&server);
                server_done(&web);
                http = http_client_free(http);
                sd_event_unref(world.event);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_login) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
