/* SPDX-License-Identifier: MIT */
/* The server against clients that this program plays itself, over loopback, on one loop. */
#include "http/server.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "basic/fd.h"
#include "test.h"

#define CLIENTS_MAX 300

typedef struct World {
        sd_event *event;
        HttpServer *server;
        HttpListener *listener;
        int listen_fd;        /* a duplicate, as systemd keeps one */
        HttpRequest *held[8]; /* what GET /later left unanswered */
        size_t n_held, n_handled, n_answered;
        unsigned last_status;
        const HttpRoute *last_route;
        bool drained, refuse;
        char *big;
} World;

#define BIG_SIZE ((size_t) 8 * 1024 * 1024)

static void answer_text(HttpRequest *request, const char *text)
{
        _cleanup_(http_reply_unrefp) HttpReply *reply = NULL;

        assert_ok(http_reply_new_static(200, "text/plain", text, strlen(text), &reply));
        http_request_answer(request, reply);
}

static void handle_now(HttpRequest *request, void *owner)
{
        ((World *) owner)->n_handled++;
        answer_text(request, "now");
}

static void handle_later(HttpRequest *request, void *owner)
{
        World *world = owner;

        world->n_handled++;
        world->held[world->n_held++] = request;
}

static void handle_parameter(HttpRequest *request, void *owner)
{
        answer_text(request, http_request_parameter(request));
}

static void handle_header(HttpRequest *request, void *owner)
{
        const char *value;

        switch (http_request_header(request, "X-Test", &value)) {
        case 0:
                answer_text(request, value);
                break;
        case -ENOTUNIQ:
                answer_text(request, "(twice)");
                break;
        default:
                http_request_refuse(request, DEVBOX_ERROR_TOKEN_REQUIRED, "X-Test");
        }
}

static void handle_big(HttpRequest *request, void *owner)
{
        _cleanup_(http_reply_unrefp) HttpReply *reply = NULL;
        World *world = owner;

        assert_ok(http_reply_new_static(200, "text/plain", world->big, BIG_SIZE, &reply));
        http_request_answer(request, reply);
}

static bool admit(HttpRequest *request, const HttpRoute *route, void *owner)
{
        if (!((World *) owner)->refuse || streq(route->method, "GET"))
                return true;

        http_request_refuse(request, DEVBOX_ERROR_TOKEN_INVALID, NULL);
        return false;
}

static void on_answer(const HttpRoute *route, unsigned status, void *owner)
{
        World *world = owner;

        world->n_answered++;
        world->last_status = status;
        world->last_route = route;
}

static void on_drained(void *owner)
{
        ((World *) owner)->drained = true;
}

static const HttpRoute routes[] = {
        { "GET", "/now", handle_now, 0 },
        { "POST", "/now", handle_now, 0 },
        { "GET", "/later", handle_later, 0 },
        { "GET", "/echo/{text}", handle_parameter, 0 },
        { "GET", "/header", handle_header, 0 },
        { "GET", "/big", handle_big, 0 },
        {},
};

static int listen_on_loopback(void)
{
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        assert_ok(fd);
        assert_ok(bind(fd, (struct sockaddr *) &address, sizeof address));
        assert_ok(listen(fd, 1024));
        return fd;
}

static void start(World *world, const HttpLimits *limits, size_t max_connections)
{
        static const HttpHandlers handlers = { admit, on_answer, on_drained };

        assert_ok(http_server_new(world->event, routes, &handlers, limits, &world->server));
        http_server_set_owner(world->server, world);
        assert_ok(http_server_listen_take(world->server, dup(world->listen_fd), max_connections,
                                          &world->listener));
}

static int setup(void **state)
{
        World *world = calloc(1, sizeof *world);

        assert_non_null(world);
        world->big = malloc(BIG_SIZE);
        assert_non_null(world->big);
        memset(world->big, 'x', BIG_SIZE);
        world->listen_fd = listen_on_loopback();
        assert_ok(sd_event_new(&world->event));
        start(world, &HTTP_LIMITS_DEFAULT, 512);

        *state = world;
        return 0;
}

static int teardown(void **state)
{
        World *world = *state;

        if (world->server)
                http_server_free(world->server);
        sd_event_unref(world->event);
        close(world->listen_fd);
        free(world->big);
        free(world);
        return 0;
}

static void restart_with(World *world, const HttpLimits *limits, size_t max_connections)
{
        http_server_free(world->server);
        start(world, limits, max_connections);
}

static int connect_client(World *world)
{
        struct sockaddr_in address;
        socklen_t size = sizeof address;
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        assert_ok(fd);
        assert_ok(getsockname(world->listen_fd, (struct sockaddr *) &address, &size));
        assert_ok(connect(fd, (struct sockaddr *) &address, size));
        return fd;
}

static void client_write(int fd, const char *text)
{
        assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void spin(World *world)
{
        for (int i = 0; i < 50; i++)
                assert_ok(sd_event_run(world->event, i < 40 ? 0 : 1000));
}

/* Runs the loop until the condition holds; far longer than any limit used here, so that only a hang fails.
 */
#define RUN_UNTIL(world, condition)                                                                         \
        for (int _i = 0; !(condition); _i++) {                                                              \
                assert_true(_i < 30000);                                                                    \
                assert_ok(sd_event_run((world)->event, 1000));                                              \
        }

/* Appends what is there; false once the server has closed. */
static bool client_read(int fd, char *buffer, size_t size, size_t *filled)
{
        ssize_t n = recv(fd, buffer + *filled, size - 1 - *filled, MSG_DONTWAIT);

        if (n > 0)
                *filled += (size_t) n;
        buffer[*filled] = '\0';
        return n > 0 || (n < 0 && errno == EAGAIN);
}

/* Everything until the server closes the connection. */
static void read_to_end(World *world, int fd, char *buffer, size_t size)
{
        size_t filled = 0;

        RUN_UNTIL(world, !client_read(fd, buffer, size, &filled));
}

static size_t count(const char *text, const char *needle)
{
        size_t n = 0;

        for (const char *at = strstr(text, needle); at; at = strstr(at + 1, needle))
                n++;
        return n;
}

/* Reads until the text has `n` times the needle. */
static void read_until(World *world, int fd, char *buffer, size_t size, const char *needle, size_t n)
{
        size_t filled = 0;

        buffer[0] = '\0';
        RUN_UNTIL(world, client_read(fd, buffer, size, &filled) && count(buffer, needle) >= n);
}

/* One request on a connection of its own; closes it. */
static void ask(World *world, const char *request, char *buffer, size_t size)
{
        _cleanup_(fd_closep) int fd = connect_client(world);

        client_write(fd, request);
        read_to_end(world, fd, buffer, size);
}

#define END       "Connection: close\r\n\r\n"
#define HOST      "Host: localhost\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\n" HOST

static void test_conversations(void **state)
{
        static const struct {
                const char *request, *status, *has;
        } rows[] = {
                { GET("/now") END, "HTTP/1.1 200", "\r\n\r\nnow" },
                { GET("/now?x=1") END, "HTTP/1.1 200", "now" },
                { GET("/now") END, "HTTP/1.1 200", "Cache-Control: no-store\r\n" },
                { GET("/now") END, "HTTP/1.1 200", "X-Content-Type-Options: nosniff\r\n" },
                { "GET /now HTTP/1.0\r\n" HOST "\r\n", "HTTP/1.", "\r\n\r\nnow" },
                { GET("/echo/a%20b") END, "HTTP/1.1 200", "\r\n\r\na%20b" },
                { GET("/n%6fw") END, "HTTP/1.1 404", "\"not_found\"" },
                { GET("/nothing") END, "HTTP/1.1 404", "application/json" },
                { "DELETE /now HTTP/1.1\r\n" HOST END, "HTTP/1.1 405", "Allow: GET, HEAD, POST\r\n" },
                { "BREW /now HTTP/1.1\r\n" HOST END, "HTTP/1.1 405", "method_not_allowed" },
                { "POST /now HTTP/1.1\r\n" HOST END, "HTTP/1.1 200", "now" },
                { "POST /now HTTP/1.1\r\n" HOST "Content-Length: 5\r\n" END "hello", "HTTP/1.1 200", "now" },
                { "GET /now HTTP/1.1\r\n" HOST "Content-Length: 5\r\n" END "hello", "HTTP/1.1 200", "now" },
                { "POST /now HTTP/1.1\r\n" HOST "Origin: http://evil.example\r\n" END, "HTTP/1.1 403",
                  "origin_not_allowed" },
                { "POST /now HTTP/1.1\r\n" HOST "Sec-Fetch-Site: cross-site\r\n" END, "HTTP/1.1 403",
                  "origin_not_allowed" },
                { "GET /now HTTP/1.1\r\n" HOST "Origin: http://evil.example\r\n" END, "HTTP/1.1 200",
                  "now" },
                { "GET /now HTTP/1.1\r\nHost: evil.example\r\n" END, "HTTP/1.1 421", "host_not_allowed" },
                { "GET /now HTTP/1.1\r\n" HOST HOST END, "HTTP/1.1 400", "bad_request" },
                { "GET /now HTTP/1.0\r\n\r\n", "HTTP/1.", "400" },
                { GET("/header") "X-Test: a\r\n" END, "HTTP/1.1 200", "\r\n\r\na" },
                { GET("/header") "x-test: a\r\nX-TEST: b\r\n" END, "HTTP/1.1 200", "(twice)" },
                { GET("/header") END, "HTTP/1.1 401", "token_required" },
                { "POST /now HTTP/1.1\r\n" HOST "Content-Length: 4097\r\n" END, "HTTP/1.1 413",
                  "body_too_large" },
                { "POST /now HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999\r\n" END,
                  "HTTP/1.1 413", "" },
                { "POST /now HTTP/1.1\r\n" HOST "Content-Length: -1\r\n" END, "HTTP/1.1 400", "" },
                { "POST /now HTTP/1.1\r\n" HOST "Content-Length: 1\r\nContent-Length: 2\r\n" END "x",
                  "HTTP/1.1 400", "bad_request" },
                { "POST /now HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n" END
                  "5\r\nhello\r\n0\r\n\r\n",
                  "HTTP/1.1 411", "length_required" },
                { "POST /now HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 9999\r\n" END,
                  "HTTP/1.1 413", "body_too_large" },
                { "GET /now HTTP/1.1\r\n" HOST "no colon\r\n" END, "HTTP/1.1 400", "" },
                { "GET now HTTP/1.1\r\n" HOST END, "HTTP/1.1 404", "" },
                { "GET http://localhost/now HTTP/1.1\r\n" HOST END, "HTTP/1.1 404", "" },
                { "OPTIONS * HTTP/1.1\r\n" HOST END, "HTTP/1.1 404", "" },
        };
        char buffer[8192];

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                ask(*state, rows[i].request, buffer, sizeof buffer);
                if (!startswith(buffer, rows[i].status) || !strstr(buffer, rows[i].has))
                        fail_msg("row %zu:\n%s\ngave:\n%s", i, rows[i].request, buffer);
        }
}

/* What libmicrohttpd cannot read: an error or nothing, never a handler. */
static void test_garbage(void **state)
{
        static const char *const rows[] = {
                "\r\n\r\nGET\r\n\r\n",
                "GET /now\r\n\r\n",
                "GET /now HTTP/9.9\r\n" HOST "\r\n",
                "\x16\x03\x01\x02",
                "GET /now HTTP/2.0\r\n\r\n",
                "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                "\n\n\n\n",
                "GET  HTTP/1.1\r\n\r\n",
                " \r\n\r\n",
        };
        HttpLimits limits = HTTP_LIMITS_DEFAULT;
        World *world = *state;

        limits.request_usec = 30 * USEC_PER_MSEC;
        restart_with(world, &limits, 512);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(fd_closep) int fd = connect_client(world);
                char buffer[4096] = "";

                client_write(fd, rows[i]);
                assert_ok(shutdown(fd, SHUT_WR));
                read_to_end(world, fd, buffer, sizeof buffer);
                assert_null(strstr(buffer, " 200 "));
        }
        assert_int_equal(world->n_handled, 0);
}

static void test_head(void **state)
{
        char buffer[4096];

        ask(*state, "HEAD /now HTTP/1.1\r\n" HOST END, buffer, sizeof buffer);
        assert_true(startswith(buffer, "HTTP/1.1 200"));
        assert_non_null(strstr(buffer, "Content-Length: 3\r\n"));
        assert_true(endswith(buffer, "\r\n\r\n"));
}

static void test_keep_alive_and_pipeline(void **state)
{
        World *world = *state;
        _cleanup_(fd_closep) int fd = connect_client(world);
        char buffer[8192];

        client_write(fd, GET("/now") "\r\n");
        read_until(world, fd, buffer, sizeof buffer, "\r\n\r\nnow", 1);
        client_write(fd, GET("/now") "\r\n" GET("/later") "\r\n" GET("/echo/last") "\r\n");
        RUN_UNTIL(world, world->n_held == 1);
        assert_int_equal(world->n_handled, 3);
        answer_text(world->held[0], "later");
        read_until(world, fd, buffer, sizeof buffer, "last", 1);
        assert_int_equal(count(buffer, "HTTP/1.1 200"), 3);
        assert_true(strstr(buffer, "later") < strstr(buffer, "last"));
        assert_int_equal(http_server_stats(world->server)->connections_total, 1);
}

static void test_keep_alive_after_refused_post(void **state)
{
        World *world = *state;
        _cleanup_(fd_closep) int fd = connect_client(world);
        char buffer[8192];

        world->refuse = true;
        client_write(fd, "POST /now HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nGET" GET("/now") "\r\n");
        read_until(world, fd, buffer, sizeof buffer, "\r\n\r\nnow", 1);
        assert_non_null(strstr(buffer, "HTTP/1.1 401"));
        assert_int_equal(world->n_handled, 1);
}

static void test_split_everywhere(void **state)
{
        static const char request[] = "POST /now HTTP/1.1\r\n" HOST "Content-Length: 5\r\n" END "hello";
        World *world = *state;
        _cleanup_(fd_closep) int fd = connect_client(world);
        char buffer[4096];

        for (size_t i = 0; i < strlen(request); i++) {
                assert_int_equal(send(fd, request + i, 1, MSG_NOSIGNAL), 1);
                assert_ok(sd_event_run(world->event, 0));
        }
        read_to_end(world, fd, buffer, sizeof buffer);
        assert_true(startswith(buffer, "HTTP/1.1 200"));
}

static void test_large_headers(void **state)
{
        World *world = *state;
        _cleanup_(fd_closep) int fd = connect_client(world);
        char buffer[4096], line[1024];

        memset(line, 'a', sizeof line);
        memcpy(line, "X-Long: ", 8);
        memcpy(line + sizeof line - 3, "\r\n", 3);

        client_write(fd, GET("/now"));
        for (int i = 0; i < 64; i++) {
                (void) !send(fd, line, strlen(line), MSG_NOSIGNAL | MSG_DONTWAIT);
                assert_ok(sd_event_run(world->event, 0));
        }
        read_to_end(world, fd, buffer, sizeof buffer);
        RUN_UNTIL(world, http_server_stats(world->server)->malformed_total == 1);
        assert_int_equal(world->n_handled, 0);
}

static void test_large_body_is_answered(void **state)
{
        World *world = *state;
        _cleanup_(fd_closep) int fd = connect_client(world);
        char buffer[4096];

        client_write(fd, "POST /now HTTP/1.1\r\n" HOST "Content-Length: 1048576\r\n\r\n");
        (void) !send(fd, world->big, 65536, MSG_NOSIGNAL | MSG_DONTWAIT);
        read_until(world, fd, buffer, sizeof buffer, "body_too_large", 1);
}

static void test_later_client_gone(void **state)
{
        World *world = *state;
        int fd = connect_client(world);

        client_write(fd, GET("/later") "\r\n");
        RUN_UNTIL(world, world->n_held == 1);
        close(fd);
        spin(world);
        answer_text(world->held[0], "too late");
        RUN_UNTIL(world, http_server_stats(world->server)->n_connections == 0);
}

static void test_later_half_closed(void **state)
{
        World *world = *state;
        _cleanup_(fd_closep) int fd = connect_client(world);
        char buffer[4096];

        client_write(fd, GET("/later") "\r\n");
        assert_ok(shutdown(fd, SHUT_WR));
        RUN_UNTIL(world, world->n_held == 1);
        answer_text(world->held[0], "still there");
        read_to_end(world, fd, buffer, sizeof buffer);
        assert_non_null(strstr(buffer, "still there"));
}

static void test_free_with_requests_under_way(void **state)
{
        World *world = *state;
        int fds[3];

        for (size_t i = 0; i < ELEMENTSOF(fds); i++) {
                fds[i] = connect_client(world);
                client_write(fds[i], GET("/later") "\r\n");
        }
        RUN_UNTIL(world, world->n_held == 3);
        world->server = http_server_free(world->server);
        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                close(fds[i]);
        assert_int_equal(world->n_answered, 0);
}

static void test_slow_requests_are_cut(void **state)
{
        static const char *const beginnings[] = {
                "",
                "GET /no",
                GET("/now"),
                "POST /now HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhel",
        };
        HttpLimits limits = HTTP_LIMITS_DEFAULT;
        World *world = *state;
        char buffer[4096];

        limits.request_usec = 30 * USEC_PER_MSEC;
        restart_with(world, &limits, 512);

        for (size_t i = 0; i < ELEMENTSOF(beginnings); i++) {
                _cleanup_(fd_closep) int fd = connect_client(world);

                client_write(fd, beginnings[i]);
                read_to_end(world, fd, buffer, sizeof buffer);
                assert_string_equal(buffer, "");
        }
        assert_int_equal(http_server_stats(world->server)->cut_total, ELEMENTSOF(beginnings));
        assert_int_equal(world->n_handled, 0);
}

/* A byte now and then does not help. */
static void test_slowloris(void **state)
{
        HttpLimits limits = HTTP_LIMITS_DEFAULT;
        World *world = *state;
        _cleanup_(fd_closep) int fd = connect_client(world);

        limits.request_usec = 50 * USEC_PER_MSEC;
        restart_with(world, &limits, 512);
        client_write(fd, GET("/now"));
        RUN_UNTIL(world, (send(fd, "X-A: b\r\n", 1, MSG_NOSIGNAL | MSG_DONTWAIT),
                          http_server_stats(world->server)->cut_total == 1));
        RUN_UNTIL(world, http_server_stats(world->server)->n_connections == 0);
}

static void test_idle_is_cut(void **state)
{
        HttpLimits limits = HTTP_LIMITS_DEFAULT;
        World *world = *state;
        _cleanup_(fd_closep) int fd = connect_client(world);
        char buffer[4096];

        limits.idle_usec = 30 * USEC_PER_MSEC;
        restart_with(world, &limits, 512);
        client_write(fd, GET("/now") "\r\n");
        read_to_end(world, fd, buffer, sizeof buffer);
        assert_true(endswith(buffer, "now"));
        assert_int_equal(http_server_stats(world->server)->cut_total, 1);
}

static void test_slow_reader_is_cut(void **state)
{
        HttpLimits limits = HTTP_LIMITS_DEFAULT;
        World *world = *state;
        _cleanup_(fd_closep) int fd = connect_client(world);

        limits.answer_usec = 50 * USEC_PER_MSEC;
        restart_with(world, &limits, 512);
        client_write(fd, GET("/big") "\r\n");
        RUN_UNTIL(world, http_server_stats(world->server)->cut_total == 1);
        RUN_UNTIL(world, http_server_stats(world->server)->n_connections == 0);
}

/* A handler may take longer than a client. */
static void test_work_is_not_cut(void **state)
{
        HttpLimits limits = HTTP_LIMITS_DEFAULT;
        World *world = *state;
        _cleanup_(fd_closep) int slow = connect_client(world), fd = -EBADF;
        char buffer[4096];

        limits.request_usec = limits.answer_usec = limits.idle_usec = 30 * USEC_PER_MSEC;
        restart_with(world, &limits, 512);
        fd = connect_client(world);
        client_write(fd, GET("/later") END);
        RUN_UNTIL(world, http_server_stats(world->server)->cut_total == 1); /* the other one, silent */
        RUN_UNTIL(world, world->n_held == 1);
        for (int i = 0; i < 60; i++)
                assert_ok(sd_event_run(world->event, 1000));
        answer_text(world->held[0], "worth it");
        read_to_end(world, fd, buffer, sizeof buffer);
        assert_true(endswith(buffer, "worth it"));
}

static void test_crowd(void **state)
{
        HttpLimits limits = HTTP_LIMITS_DEFAULT;
        World *world = *state;
        int fds[40];
        char buffer[4096];

        limits.crowded_idle_usec = 5 * USEC_PER_MSEC;
        restart_with(world, &limits, 8);

        /* All ask, all keep their connection, all are answered: the idle ones make room for those who wait.
         */
        for (size_t i = 0; i < ELEMENTSOF(fds); i++) {
                fds[i] = connect_client(world);
                client_write(fds[i], GET("/now") "\r\n");
        }
        for (size_t i = 0; i < ELEMENTSOF(fds); i++) {
                read_until(world, fds[i], buffer, sizeof buffer, "\r\n\r\nnow", 1);
                assert_true(http_server_stats(world->server)->n_connections <= 8);
        }
        assert_true(http_server_stats(world->server)->crowded_total > 0);
        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                close(fds[i]);
}

/* The limit of one listening socket is not the other's. */
static void test_two_listeners(void **state)
{
        World *world = *state;
        int other_fd = listen_on_loopback(), fds[4];
        char buffer[4096];

        restart_with(world, &HTTP_LIMITS_DEFAULT, 4);
        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                fds[i] = connect_client(world);
        RUN_UNTIL(world, http_server_stats(world->server)->n_connections == 4);

        assert_ok(http_server_listen_take(world->server, dup(other_fd), 4, NULL));
        close(TAKE(world->listen_fd, other_fd));
        ask(world, GET("/now") END, buffer, sizeof buffer);
        assert_true(endswith(buffer, "now"));
        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                close(fds[i]);
}

static void test_many(void **state)
{
        World *world = *state;
        static int fds[CLIENTS_MAX];
        char buffer[4096];

        for (size_t i = 0; i < CLIENTS_MAX; i++) {
                fds[i] = connect_client(world);
                client_write(fds[i], GET("/now") END);
        }
        for (size_t i = 0; i < CLIENTS_MAX; i++) {
                read_to_end(world, fds[i], buffer, sizeof buffer);
                assert_true(endswith(buffer, "now"));
                close(fds[i]);
        }
        RUN_UNTIL(world, http_server_stats(world->server)->n_connections == 0);
        assert_int_equal(world->n_answered, CLIENTS_MAX);
}

static void test_drain(void **state)
{
        World *world = *state;
        _cleanup_(fd_closep) int idle = connect_client(world), busy = connect_client(world), late = -EBADF,
                                 silent = connect_client(world);
        char buffer[8192];

        client_write(idle, GET("/now") "\r\n");
        read_until(world, idle, buffer, sizeof buffer, "\r\n\r\nnow", 1);
        client_write(busy, GET("/later") "\r\n");
        RUN_UNTIL(world, world->n_held == 1);

        http_server_drain(world->server);
        late = connect_client(world);
        client_write(late, GET("/now") END);
        read_to_end(world, idle, buffer, sizeof buffer);
        read_to_end(world, silent, buffer, sizeof buffer);
        spin(world);
        assert_false(world->drained);

        answer_text(world->held[0], "in time");
        read_to_end(world, busy, buffer, sizeof buffer);
        assert_true(endswith(buffer, "in time"));
        RUN_UNTIL(world, world->drained);

        /* Who came meanwhile is served by the next server on the same socket. */
        restart_with(world, &HTTP_LIMITS_DEFAULT, 512);
        read_to_end(world, late, buffer, sizeof buffer);
        assert_true(endswith(buffer, "now"));
}

static void test_drain_bounds_the_slow(void **state)
{
        HttpLimits limits = HTTP_LIMITS_DEFAULT;
        World *world = *state;
        _cleanup_(fd_closep) int reader = -EBADF, writer = -EBADF;

        limits.drain_usec = 20 * USEC_PER_MSEC;
        restart_with(world, &limits, 512);
        reader = connect_client(world);
        writer = connect_client(world);
        client_write(reader, GET("/big") "\r\n");
        client_write(writer, GET("/now"));
        RUN_UNTIL(world, world->n_answered == 1);
        spin(world);
        http_server_drain(world->server);
        RUN_UNTIL(world, world->drained);
        assert_int_equal(world->n_handled, 0);
}

static void test_drain_of_nobody(void **state)
{
        World *world = *state;

        http_server_drain(world->server);
        assert_false(world->drained);
        RUN_UNTIL(world, world->drained);
}

static void test_on_answer(void **state)
{
        World *world = *state;
        char buffer[4096];

        ask(world, GET("/now") END, buffer, sizeof buffer);
        assert_int_equal(world->last_status, 200);
        assert_ptr_equal(world->last_route, &routes[0]);
        ask(world, GET("/none") END, buffer, sizeof buffer);
        assert_int_equal(world->last_status, 404);
        assert_null(world->last_route);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        static const struct CMUnitTest tests[] = {
                TEST(test_conversations),
                TEST(test_garbage),
                TEST(test_head),
                TEST(test_keep_alive_and_pipeline),
                TEST(test_keep_alive_after_refused_post),
                TEST(test_split_everywhere),
                TEST(test_large_headers),
                TEST(test_large_body_is_answered),
                TEST(test_later_client_gone),
                TEST(test_later_half_closed),
                TEST(test_free_with_requests_under_way),
                TEST(test_slow_requests_are_cut),
                TEST(test_slowloris),
                TEST(test_idle_is_cut),
                TEST(test_slow_reader_is_cut),
                TEST(test_work_is_not_cut),
                TEST(test_crowd),
                TEST(test_two_listeners),
                TEST(test_many),
                TEST(test_drain),
                TEST(test_drain_bounds_the_slow),
                TEST(test_drain_of_nobody),
                TEST(test_on_answer),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
