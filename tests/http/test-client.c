/* SPDX-License-Identifier: MIT */
/* The client against our own server, and against raw responses. */

#include "http/client.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "basic/fd.h"
#include "world.h"

typedef struct Outcome {
        size_t n_complete;
        int result;
        unsigned status;
        char body[64];
        size_t n_received; /* by on_receive() */
        const char *to_send;
        bool pause, fail;
} Outcome;

static void on_complete(HttpCall *call, int result, void *userdata)
{
        Outcome *outcome = userdata;

        outcome->n_complete++;
        outcome->result = result;
        outcome->status = http_call_status(call);
        (void) snprintf(outcome->body, sizeof outcome->body, "%s", http_call_body(call, NULL));
}

static int on_receive(HttpCall *call, const char *data, size_t size, void *userdata)
{
        Outcome *outcome = userdata;

        if (outcome->fail)
                return -ENOSPC;
        if (outcome->pause)
                return -EAGAIN;

        outcome->n_received += size;
        return 0;
}

static ssize_t on_send(HttpCall *call, char *buffer, size_t size, void *userdata)
{
        Outcome *outcome = userdata;

        if (outcome->fail)
                return -ENOSPC;
        if (outcome->pause)
                return -EAGAIN;
        if (*outcome->to_send == '\0')
                return 0;

        *buffer = *outcome->to_send++;
        return 1;
}

static const HttpCallHandlers collect = { .on_complete = on_complete };
static const HttpCallHandlers stream = { .on_receive = on_receive, .on_complete = on_complete };
static const HttpCallHandlers upload = { .on_send = on_send, .on_complete = on_complete };

/* "http://127.0.0.1:PORT/path" of a listening socket. Valid until the next call. */
static const char *url_of(int listen_fd, const char *path)
{
        static char url[64];
        struct sockaddr_in address;
        socklen_t size = sizeof address;

        assert_ok(getsockname(listen_fd, (struct sockaddr *) &address, &size));
        (void) snprintf(url, sizeof url, "http://127.0.0.1:%u%s", ntohs(address.sin_port), path);
        return url;
}

static HttpCallOptions options_of(const char *url)
{
        return (HttpCallOptions){ .url = url, .timeout_usec = 60 * USEC_PER_SEC, .response_max = 1024 };
}

/* A client on the world's loop, freed before the world. */
typedef struct Setup {
        World *world;
        HttpClient *client;
} Setup;

static Setup setup_of(void **state)
{
        Setup setup = { .world = *state };

        assert_ok(http_client_new(setup.world->event, &setup.client));
        return setup;
}

static HttpCall *start(const Setup *setup, const HttpCallOptions *options, const HttpCallHandlers *handlers,
                       Outcome *outcome)
{
        HttpCall *call;

        assert_ok(http_call_start(setup->client, options, handlers, outcome, &call));
        assert_int_equal(outcome->n_complete, 0);
        return call;
}

static void test_our_server(void **state)
{
        static const char *const headers[] = { "X-Test: abc", NULL };
        Setup setup = setup_of(state);
        HttpCallOptions options = options_of(url_of(setup.world->listen_fd, "/header"));
        Outcome outcome = { 0 };

        options.headers = headers;
        HttpCall *call = start(&setup, &options, &collect, &outcome);
        RUN_UNTIL(setup.world, outcome.n_complete > 0);
        assert_int_equal(outcome.result, 0);
        assert_int_equal(outcome.status, 200);
        assert_string_equal(outcome.body, "abc");
        assert_string_equal(http_call_header(call, "content-type"), "text/plain");
        assert_null(http_call_header(call, "X-Absent"));
        http_client_free(setup.client);
        assert_int_equal(outcome.n_complete, 1);
}

/* sd-event rounds timers to 250 ms unless it is asked not to; libcurl starts each call by a timer. What a
 * call takes beyond that has another reason. */
static void test_calls_start_immediately(void **state)
{
        Setup setup = setup_of(state);
        HttpCallOptions options = options_of(url_of(setup.world->listen_fd, "/now"));
        usec_t total_usec = 0;

        for (size_t i = 0; i < 100; i++) {
                usec_t started = time_now(CLOCK_MONOTONIC);
                Outcome outcome = { 0 };
                HttpCall *call = start(&setup, &options, &collect, &outcome);

                while (outcome.n_complete == 0)
                        assert_ok(sd_event_run(setup.world->event, 10 * USEC_PER_SEC));
                http_call_free(call);
                total_usec += MIN(time_now(CLOCK_MONOTONIC) - started, 250 * USEC_PER_MSEC);
        }
        assert_true(total_usec < 5 * USEC_PER_SEC);
        http_client_free(setup.client);
}

static void test_methods(void **state)
{
        static const struct {
                const char *method, *path;
                unsigned status;
        } rows[] = {
                { "GET", "/now", 200 },    { "HEAD", "/now", 200 },   { "POST", "/now", 200 },
                { "DELETE", "/now", 405 }, { "GET", "/absent", 404 },
        };
        Setup setup = setup_of(state);

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                HttpCallOptions options = options_of(url_of(setup.world->listen_fd, rows[i].path));
                Outcome outcome = { 0 };

                options.method = rows[i].method;
                (void) start(&setup, &options, &collect, &outcome);
                RUN_UNTIL(setup.world, outcome.n_complete > 0);
                assert_int_equal(outcome.result, 0);
                assert_int_equal(outcome.status, rows[i].status);
        }
        /* One connection serves them all. */
        assert_int_equal(http_server_stats(setup.world->server)->connections_total, 1);
        http_client_free(setup.client);
}

/* Accepts one connection, and reads the request until `needle` was received. */
static int accept_request(World *world, int listen_fd, const char *needle)
{
        int fd = -EBADF;

        RUN_UNTIL(world, (fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0);
        (void) world_read_until(world, fd, needle);
        return fd;
}

static int raw_listen_socket(void)
{
        int fd = world_listen_socket();

        assert_ok(ioctl(fd, FIONBIO, &(int){ 1 }));
        return fd;
}

static void test_raw_responses(void **state)
{
        static const struct {
                const char *response;
                int result;
                unsigned status;
                const char *body;
        } rows[] = {
                { "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 0, 200, "ok" },
                { "HTTP/1.1 200 OK\r\n\r\nuntil the end", 0, 200, "until the end" },
                { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", 0, 200,
                  "ok" },
                { "HTTP/1.0 503 Busy\r\n\r\n", 0, 503, "" },
                { "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 None\r\n\r\n", 0, 204, "" },
                { "HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n", 0, 302, "" },
                { "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", -ECONNRESET, 200, "short" },
                { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok", -ECONNRESET, 200, "ok" },
                { "HTTP/1.1 200 OK\r\n", -ECONNRESET, 0, "" },
                { "", -ECONNRESET, 0, "" },
                { "HTTP/2 200 OK\r\n\r\n", -EBADMSG, 0, "" },
                { "SSH-2.0-x\r\n\r\n", -EBADMSG, 0, "" },
                { "HTTP/1.1 200 OK\r\nContent-Length: 1025\r\n\r\n", -EFBIG, 200, "" },
        };
        Setup setup = setup_of(state);
        _cleanup_(fd_closep) int listen_fd = raw_listen_socket();

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                HttpCallOptions options = options_of(url_of(listen_fd, "/"));
                Outcome outcome = { 0 };

                (void) start(&setup, &options, &collect, &outcome);
                int fd = accept_request(setup.world, listen_fd, "\r\n\r\n");
                world_send(fd, rows[i].response);
                close(fd);
                RUN_UNTIL(setup.world, outcome.n_complete > 0);
                if (outcome.result != rows[i].result ||
                    (rows[i].status > 0 && outcome.status != rows[i].status) ||
                    !streq(outcome.body, rows[i].body))
                        fail_msg("row %zu: %d, %u, %s", i, outcome.result, outcome.status, outcome.body);
        }
        http_client_free(setup.client);
}

/* Also of a body whose size is not announced. */
static void test_body_limit(void **state)
{
        Setup setup = setup_of(state);
        HttpCallOptions options = options_of(url_of(setup.world->listen_fd, "/big"));
        Outcome outcome = { 0 };

        options.response_max = BIG_SIZE - 1;
        (void) start(&setup, &options, &collect, &outcome);
        RUN_UNTIL(setup.world, outcome.n_complete > 0);
        assert_int_equal(outcome.result, -EFBIG);

        outcome = (Outcome){ 0 };
        options.response_max = BIG_SIZE;
        (void) start(&setup, &options, &stream, &outcome);
        RUN_UNTIL(setup.world, outcome.n_complete > 0);
        assert_int_equal(outcome.result, 0);
        assert_int_equal(outcome.n_received, BIG_SIZE);
        http_client_free(setup.client);
}

static void test_deadline(void **state)
{
        Setup setup = setup_of(state);
        HttpCallOptions options = options_of(url_of(setup.world->listen_fd, "/later"));
        Outcome outcome = { 0 };

        options.timeout_usec = 20 * USEC_PER_MSEC;
        (void) start(&setup, &options, &collect, &outcome);
        RUN_UNTIL(setup.world, outcome.n_complete > 0);
        assert_int_equal(outcome.result, -ETIMEDOUT);
        http_client_free(setup.client);
}

/* All that finish in one wake-up are completed. */
static void test_refused(void **state)
{
        Setup setup = setup_of(state);
        int listen_fd = world_listen_socket();
        HttpCallOptions options = options_of(url_of(listen_fd, "/"));
        Outcome outcomes[20] = { 0 };

        close(listen_fd);
        for (size_t i = 0; i < ELEMENTSOF(outcomes); i++)
                (void) start(&setup, &options, &collect, &outcomes[i]);
        for (size_t i = 0; i < ELEMENTSOF(outcomes); i++) {
                RUN_UNTIL(setup.world, outcomes[i].n_complete > 0);
                assert_int_equal(outcomes[i].result, -ECONNREFUSED);
        }

        options = options_of("http://localhost/");
        options.unix_path = "/tmp/devbox-test-absent/api.sock";
        outcomes[0] = (Outcome){ 0 };
        (void) start(&setup, &options, &collect, &outcomes[0]);
        RUN_UNTIL(setup.world, outcomes[0].n_complete > 0);
        assert_int_equal(outcomes[0].result, -ENOENT);

        options = options_of("gopher://localhost/");
        outcomes[0] = (Outcome){ 0 };
        (void) start(&setup, &options, &collect, &outcomes[0]);
        RUN_UNTIL(setup.world, outcomes[0].n_complete > 0);
        assert_int_equal(outcomes[0].result, -EBADMSG);

        options = options_of("http://localhost:port/");
        outcomes[0] = (Outcome){ 0 };
        (void) start(&setup, &options, &collect, &outcomes[0]);
        RUN_UNTIL(setup.world, outcomes[0].n_complete > 0);
        assert_int_equal(outcomes[0].result, -EINVAL);
        http_client_free(setup.client);
}

static void test_free_cancels(void **state)
{
        Setup setup = setup_of(state);
        HttpCallOptions options = options_of(url_of(setup.world->listen_fd, "/later"));
        Outcome outcome = { 0 };

        HttpCall *call = start(&setup, &options, &collect, &outcome);
        (void) start(&setup, &options, &collect, &outcome);
        RUN_UNTIL(setup.world, setup.world->n_held == 2);
        http_call_free(call);
        RUN_UNTIL(setup.world, http_server_stats(setup.world->server)->n_connections == 2);
        http_client_free(setup.client);
        world_respond(setup.world->held[0], "too late");
        world_respond(setup.world->held[1], "too late");
        RUN_UNTIL(setup.world, http_server_stats(setup.world->server)->n_connections == 0);
        assert_int_equal(outcome.n_complete, 0);
}

static void test_streamed_response(void **state)
{
        Setup setup = setup_of(state);
        HttpCallOptions options = options_of(url_of(setup.world->listen_fd, "/now"));
        Outcome outcome = { .pause = true };

        HttpCall *call = start(&setup, &options, &stream, &outcome);
        RUN_UNTIL(setup.world, setup.world->n_responses == 1);
        world_spin(setup.world);
        assert_int_equal(outcome.n_received, 0);
        outcome.pause = false;
        http_call_resume(call);
        RUN_UNTIL(setup.world, outcome.n_complete > 0);
        assert_int_equal(outcome.n_received, strlen("now"));

        outcome = (Outcome){ .fail = true };
        (void) start(&setup, &options, &stream, &outcome);
        RUN_UNTIL(setup.world, outcome.n_complete > 0);
        assert_int_equal(outcome.result, -ENOSPC);
        http_client_free(setup.client);
}

static void test_streamed_request(void **state)
{
        static const char *const headers[] = { "Content-Type: text/plain", NULL };
        Setup setup = setup_of(state);
        _cleanup_(fd_closep) int listen_fd = raw_listen_socket(), fd = -EBADF;
        HttpCallOptions options = options_of(url_of(listen_fd, "/"));
        Outcome outcome = { .pause = true, .to_send = "abc" };

        options.method = "POST";
        options.headers = headers;
        HttpCall *call = start(&setup, &options, &upload, &outcome);
        fd = accept_request(setup.world, listen_fd, "\r\n\r\n");
        outcome.pause = false;
        http_call_resume(call);
        (void) world_read_until(setup.world, fd, "\r\nc\r\n0\r\n\r\n");
        world_send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        RUN_UNTIL(setup.world, outcome.n_complete > 0);
        assert_int_equal(outcome.result, 0);

        outcome = (Outcome){ .fail = true };
        (void) start(&setup, &options, &upload, &outcome);
        RUN_UNTIL(setup.world, outcome.n_complete > 0);
        assert_int_equal(outcome.result, -ENOSPC);
        http_client_free(setup.client);
}

static void test_request_body(void **state)
{
        static const char *const headers[] = { "Content-Type: application/json", NULL };
        Setup setup = setup_of(state);
        _cleanup_(fd_closep) int listen_fd = raw_listen_socket(), fd = -EBADF;
        HttpCallOptions options = options_of(url_of(listen_fd, "/x?y"));
        Outcome outcome = { 0 };

        options.method = "PUT";
        options.headers = headers;
        options.body = "{}";
        options.body_size = 2;
        (void) start(&setup, &options, &collect, &outcome);
        fd = accept_request(setup.world, listen_fd, "{}");
        world_send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        RUN_UNTIL(setup.world, outcome.n_complete > 0);
        http_client_free(setup.client);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_up, world_down)
        static const struct CMUnitTest tests[] = {
                TEST(test_our_server),        TEST(test_calls_start_immediately),
                TEST(test_methods),           TEST(test_raw_responses),
                TEST(test_body_limit),        TEST(test_deadline),
                TEST(test_refused),           TEST(test_free_cancels),
                TEST(test_streamed_response), TEST(test_streamed_request),
                TEST(test_request_body),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
