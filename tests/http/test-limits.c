/* SPDX-License-Identifier: MIT */
/* Limits, deadlines, draining and shutdown of the server. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "basic/fd.h"
#include "world.h"

#define CLIENTS_MAX 300

static void test_free_with_open_requests(void **state)
{
        World *world = *state;
        int fds[3];

        for (size_t i = 0; i < ELEMENTSOF(fds); i++) {
                fds[i] = world_connect(world);
                world_send(fds[i], GET("/later") "\r\n");
        }
        RUN_UNTIL(world, world->n_held == 3);
        world->server = http_server_free(world->server);
        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                close(fds[i]);
        assert_int_equal(world->n_responses, 0);
}

static void test_slow_request_expires(void **state)
{
        static const char *const beginnings[] = {
                "",
                "GET /no",
                GET("/now"),
                "POST /now HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhel",
        };
        HttpLimits limits = HTTP_LIMITS_DEFAULT;
        World *world = *state;
        const char *text;

        limits.request_usec = 30 * USEC_PER_MSEC;
        world_restart(world, &limits, 512);

        for (size_t i = 0; i < ELEMENTSOF(beginnings); i++) {
                _cleanup_(fd_closep) int fd = world_connect(world);

                world_send(fd, beginnings[i]);
                text = world_read_to_end(world, fd);
                assert_string_equal(text, "");
        }
        assert_int_equal(http_server_stats(world->server)->expired_total, ELEMENTSOF(beginnings));
        assert_int_equal(world->n_handled, 0);
}

/* Late is this process, not the client: the deadline has passed when the loop runs next, and the request is
 * there. */
static void test_late_server_reads_first(void **state)
{
        HttpLimits limits = HTTP_LIMITS_DEFAULT;
        World *world = *state;

        limits.request_usec = 5 * USEC_PER_MSEC;
        world_restart(world, &limits, 512);
        for (int i = 0; i < 20; i++) {
                _cleanup_(fd_closep) int fd = world_connect(world);

                RUN_UNTIL(world, http_server_stats(world->server)->n_connections == 1);
                _cleanup_(fd_closep) int next = world_connect(world);
                world_send(fd, GET("/now") END);
                world_send(next, GET("/now") END);
                assert_int_equal(usleep((useconds_t) limits.request_usec * 2), 0);
                assert_true(endswith(world_read_to_end(world, fd), "now"));
                assert_true(endswith(world_read_to_end(world, next), "now"));
                RUN_UNTIL(world, http_server_stats(world->server)->n_connections == 0);
        }
        assert_int_equal(http_server_stats(world->server)->expired_total, 0);
}

static int get_option(int fd, int level, int name)
{
        int value = 0;
        socklen_t size = sizeof value;

        assert_ok(getsockopt(fd, level, name, &value, &size));
        return value;
}

/* Connections inherit from the listening socket that a client which is gone without a word ends them. */
static void test_silent_client_is_probed(void **state)
{
        const World *world = *state;

        assert_int_equal(get_option(world->listen_fd, SOL_SOCKET, SO_KEEPALIVE), 1);
        assert_int_equal(get_option(world->listen_fd, IPPROTO_TCP, TCP_KEEPIDLE), 5);
        assert_int_equal(get_option(world->listen_fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 30000);
}

/* A byte now and then does not extend the deadline. */
static void test_slowloris(void **state)
{
        HttpLimits limits = HTTP_LIMITS_DEFAULT;
        World *world = *state;
        _cleanup_(fd_closep) int fd = world_connect(world);

        limits.request_usec = 50 * USEC_PER_MSEC;
        world_restart(world, &limits, 512);
        world_send(fd, GET("/now"));
        RUN_UNTIL(world, (send(fd, "X-A: b\r\n", 1, MSG_NOSIGNAL | MSG_DONTWAIT),
                          http_server_stats(world->server)->expired_total == 1));
        RUN_UNTIL(world, http_server_stats(world->server)->n_connections == 0);
}

static void test_idle_expires(void **state)
{
        HttpLimits limits = HTTP_LIMITS_DEFAULT;
        World *world = *state;
        _cleanup_(fd_closep) int fd = world_connect(world);
        const char *text;

        limits.idle_usec = 30 * USEC_PER_MSEC;
        world_restart(world, &limits, 512);
        world_send(fd, GET("/now") "\r\n");
        text = world_read_to_end(world, fd);
        assert_true(endswith(text, "now"));
        assert_int_equal(http_server_stats(world->server)->expired_total, 1);
}

/* What `nc -N` does: sends a request, half-closes, and reads. */
static void test_half_closed_client_is_closed(void **state)
{
        HttpLimits limits = HTTP_LIMITS_DEFAULT;
        World *world = *state;
        _cleanup_(fd_closep) int gone = -EBADF, quiet = -EBADF;
        const char *text;

        limits.hangup_usec = 5 * USEC_PER_MSEC;
        world_restart(world, &limits, 512);
        quiet = world_connect(world);
        world_send(quiet, GET("/now") "\r\n");
        (void) world_read_until(world, quiet, "\r\n\r\nnow");

        gone = world_connect(world);
        world_send(gone, GET("/now") "\r\n");
        assert_ok(shutdown(gone, SHUT_WR));
        text = world_read_to_end(world, gone);
        assert_true(endswith(text, "now"));
        RUN_UNTIL(world, http_server_stats(world->server)->n_connections == 1);

        /* An idle client keeps its connection. */
        world_send(quiet, GET("/now") END);
        text = world_read_to_end(world, quiet);
        assert_true(endswith(text, "now"));
        assert_int_equal(http_server_stats(world->server)->expired_total, 0);
}

static void test_slow_reader_expires(void **state)
{
        HttpLimits limits = HTTP_LIMITS_DEFAULT;
        World *world = *state;
        _cleanup_(fd_closep) int fd = world_connect(world);

        limits.response_usec = 50 * USEC_PER_MSEC;
        world_restart(world, &limits, 512);
        world_send(fd, GET("/big") "\r\n");
        RUN_UNTIL(world, http_server_stats(world->server)->expired_total == 1);
        RUN_UNTIL(world, http_server_stats(world->server)->n_connections == 0);
}

/* Returns false if one of the deadlines that do apply, before the handler and after it, was missed by us. */
static bool handler_outlives_deadlines(World *world, const HttpLimits *limits)
{
        _cleanup_(fd_closep) int fd = -EBADF, silent = -EBADF;

        world->n_held = 0;
        world_restart(world, limits, 512);
        fd = world_connect(world);
        world_send(fd, GET("/later") END);
        RUN_UNTIL(world, world->n_held == 1 || http_server_stats(world->server)->expired_total > 0);
        if (world->n_held == 0)
                return false;

        silent = world_connect(world);
        RUN_UNTIL(world, http_server_stats(world->server)->expired_total > 0);
        RUN_UNTIL(world, http_server_stats(world->server)->n_connections == 1);
        for (int i = 0; i < 60; i++)
                assert_ok(sd_event_run(world->event, 1000));
        assert_int_equal(http_server_stats(world->server)->expired_total, 1);
        world_respond(world->held[0], "result");
        return endswith(world_read_to_end(world, fd), "result");
}

/* The deadlines of clients do not apply to handlers. */
static void test_handler_does_not_expire(void **state)
{
        HttpLimits limits = HTTP_LIMITS_DEFAULT;
        World *world = *state;

        limits.request_usec = limits.response_usec = limits.idle_usec = 30 * USEC_PER_MSEC;
        RUN_UNTIL(world, handler_outlives_deadlines(world, &limits));
}

/* Sends a request on each connection and discards earlier responses; closed connections are ignored. */
static void request_all(const int *fds, size_t n_fds)
{
        char discarded[4096];

        for (size_t i = 0; i < n_fds; i++) {
                while (recv(fds[i], discarded, sizeof discarded, MSG_DONTWAIT) > 0)
                        ;
                (void) send(fds[i], GET("/now") "\r\n", strlen(GET("/now") "\r\n"),
                            MSG_NOSIGNAL | MSG_DONTWAIT);
        }
}

static bool is_readable(int fd)
{
        return recv(fd, (char[1]){ 0 }, 1, MSG_PEEK | MSG_DONTWAIT) >= 0;
}

static void test_limit_idle_clients(void **state)
{
        HttpLimits limits = HTTP_LIMITS_DEFAULT;
        World *world = *state;
        int fds[40];

        limits.at_limit_usec = 5 * USEC_PER_MSEC;
        world_restart(world, &limits, 8);

        /* Idle connections are closed in favour of clients in the backlog, so all get their response. */
        for (size_t i = 0; i < ELEMENTSOF(fds); i++) {
                fds[i] = world_connect(world);
                world_send(fds[i], GET("/now") "\r\n");
        }
        for (size_t i = 0; i < ELEMENTSOF(fds); i++) {
                (void) world_read_until(world, fds[i], "\r\n\r\nnow");
                assert_true(http_server_stats(world->server)->n_connections <= 8);
        }
        assert_true(http_server_stats(world->server)->at_limit_total > 0);
        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                close(fds[i]);
}

/* Silent connections are closed in favour of clients in the backlog. */
static void test_limit_silent_clients(void **state)
{
        HttpLimits limits = HTTP_LIMITS_DEFAULT;
        World *world = *state;
        int fds[8];

        limits.at_limit_usec = 5 * USEC_PER_MSEC;
        world_restart(world, &limits, ELEMENTSOF(fds));
        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                fds[i] = world_connect(world);
        RUN_UNTIL(world, http_server_stats(world->server)->n_connections == ELEMENTSOF(fds));
        assert_true(endswith(world_request(world, GET("/now") END), "now"));
        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                close(fds[i]);
}

/* So are connections that never stop sending requests, */
static void test_limit_busy_clients(void **state)
{
        HttpLimits limits = HTTP_LIMITS_DEFAULT;
        World *world = *state;
        int fds[8];

        limits.at_limit_usec = 5 * USEC_PER_MSEC;
        world_restart(world, &limits, ELEMENTSOF(fds));
        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                fds[i] = world_connect(world);
        RUN_UNTIL(world, http_server_stats(world->server)->n_connections == ELEMENTSOF(fds));

        _cleanup_(fd_closep) int late = world_connect(world);
        world_send(late, GET("/now") END);
        RUN_UNTIL(world, (request_all(fds, ELEMENTSOF(fds)), is_readable(late)));
        assert_true(endswith(world_read_to_end(world, late), "now"));
        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                close(fds[i]);
}

/* and those that do not read their response. */
static void test_limit_slow_readers(void **state)
{
        HttpLimits limits = HTTP_LIMITS_DEFAULT;
        World *world = *state;
        int fds[8];

        limits.at_limit_usec = 5 * USEC_PER_MSEC;
        limits.response_usec = 3600 * USEC_PER_SEC;
        world_restart(world, &limits, ELEMENTSOF(fds));
        for (size_t i = 0; i < ELEMENTSOF(fds); i++) {
                fds[i] = world_connect(world);
                world_send(fds[i], GET("/big") "\r\n");
        }
        RUN_UNTIL(world, world->n_responses == ELEMENTSOF(fds));
        assert_true(endswith(world_request(world, GET("/now") END), "now"));
        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                close(fds[i]);
}

static void test_closed_listener(void **state)
{
        World *world = *state;

        http_listener_set_max(world->listener, 0);
        int fd = world_connect(world);
        world_send(fd, GET("/now") END);
        world_spin(world);
        assert_int_equal(http_server_stats(world->server)->n_connections, 0);

        http_listener_set_max(world->listener, 1);
        assert_true(endswith(world_read_to_end(world, fd), "now"));
        close(fd);
}

/* A closed listener with clients in its backlog does not shorten the deadlines of another. */
static void test_closed_listener_is_no_limit(void **state)
{
        World *world = *state;
        int other_fd = world_listen_socket();
        HttpListener *other;
        char byte;

        assert_ok(
                http_server_listen_take(world->server, dup(other_fd), &(HttpListenerOptions){ 0 }, &other));
        _cleanup_(fd_closep) int idle = world_connect(world);
        world_send(idle, GET("/now") "\r\n");
        (void) world_read_until(world, idle, "\r\n\r\nnow");
        int own_fd = TAKE(world->listen_fd, other_fd);
        _cleanup_(fd_closep) _unused_ int waiting = world_connect(world);
        world->listen_fd = own_fd;
        world_spin(world);
        assert_int_equal(http_server_stats(world->server)->at_limit_total, 0);
        assert_int_equal(recv(idle, &byte, 1, MSG_DONTWAIT), -1); /* still open */
        close(other_fd);
}

/* A listening socket that was shut down is disabled, not polled in a loop. */
static void test_dead_listener(void **state)
{
        World *world = *state;

        assert_ok(shutdown(world->listen_fd, SHUT_RDWR));
        world_spin(world);
        for (int i = 0; i < 10; i++)
                assert_err(sd_event_run(world->event, 0), 0); /* nothing to do */
}

/* Each listening socket has its own limit. */
static void test_two_listeners(void **state)
{
        World *world = *state;
        int other_fd = world_listen_socket(), fds[4];
        const char *text;

        world_restart(world, &HTTP_LIMITS_DEFAULT, 4);
        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                fds[i] = world_connect(world);
        RUN_UNTIL(world, http_server_stats(world->server)->n_connections == 4);

        assert_ok(http_server_listen_take(world->server, dup(other_fd),
                                          &(HttpListenerOptions){ .max_connections = 4 }, NULL));
        close(TAKE(world->listen_fd, other_fd));
        text = world_request(world, GET("/now") END);
        assert_true(endswith(text, "now"));
        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                close(fds[i]);
}

static void test_many(void **state)
{
        World *world = *state;
        static int fds[CLIENTS_MAX];
        const char *text;

        for (size_t i = 0; i < CLIENTS_MAX; i++) {
                fds[i] = world_connect(world);
                world_send(fds[i], GET("/now") END);
        }
        for (size_t i = 0; i < CLIENTS_MAX; i++) {
                text = world_read_to_end(world, fds[i]);
                assert_true(endswith(text, "now"));
                close(fds[i]);
        }
        RUN_UNTIL(world, http_server_stats(world->server)->n_connections == 0);
        assert_int_equal(world->n_responses, CLIENTS_MAX);
}

static void test_drain(void **state)
{
        HttpLimits limits = HTTP_LIMITS_DEFAULT;
        World *world = *state;
        _cleanup_(fd_closep) int idle = -EBADF, busy = -EBADF, silent = -EBADF, late = -EBADF;
        const char *text;

        /* Idle connections do not delay draining. */
        limits.drain_usec = limits.request_usec = limits.idle_usec = 3600 * USEC_PER_SEC;
        world_restart(world, &limits, 512);
        idle = world_connect(world);
        busy = world_connect(world);
        silent = world_connect(world);
        world_send(idle, GET("/now") "\r\n");
        (void) world_read_until(world, idle, "\r\n\r\nnow");
        world_send(busy, GET("/later") "\r\n");
        RUN_UNTIL(world, world->n_held == 1);

        http_server_drain(world->server);
        late = world_connect(world);
        world_send(late, GET("/now") END);
        assert_string_equal(world_read_to_end(world, idle), "");
        world_spin(world);
        assert_false(world->drained);

        /* A client that connected before may still send its request. */
        world_send(silent, GET("/now") "\r\n");
        text = world_read_to_end(world, silent);
        assert_true(endswith(text, "now"));

        world_respond(world->held[0], "in time");
        text = world_read_to_end(world, busy);
        assert_true(endswith(text, "in time"));
        RUN_UNTIL(world, world->drained);

        /* A client that connected meanwhile is served by the next server on the same socket. */
        world_restart(world, &HTTP_LIMITS_DEFAULT, 512);
        text = world_read_to_end(world, late);
        assert_true(endswith(text, "now"));
}

static void test_drain_has_a_deadline(void **state)
{
        HttpLimits limits = HTTP_LIMITS_DEFAULT;
        World *world = *state;
        _cleanup_(fd_closep) int reader = -EBADF, writer = -EBADF, silent = -EBADF;

        limits.drain_usec = 20 * USEC_PER_MSEC;
        world_restart(world, &limits, 512);
        reader = world_connect(world);
        writer = world_connect(world);
        silent = world_connect(world);
        world_send(reader, GET("/big") "\r\n");
        world_send(writer, GET("/now"));
        RUN_UNTIL(world, world->n_responses == 1);
        world_spin(world);
        http_server_drain(world->server);
        RUN_UNTIL(world, world->drained);
        assert_int_equal(world->n_handled, 0);
}

static void test_drain_without_connections(void **state)
{
        World *world = *state;

        http_server_drain(world->server);
        assert_false(world->drained);
        RUN_UNTIL(world, world->drained);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_up, world_down)
        static const struct CMUnitTest tests[] = {
                TEST(test_free_with_open_requests),
                TEST(test_slow_request_expires),
                TEST(test_late_server_reads_first),
                TEST(test_silent_client_is_probed),
                TEST(test_slowloris),
                TEST(test_idle_expires),
                TEST(test_half_closed_client_is_closed),
                TEST(test_slow_reader_expires),
                TEST(test_handler_does_not_expire),
                TEST(test_limit_idle_clients),
                TEST(test_limit_silent_clients),
                TEST(test_limit_busy_clients),
                TEST(test_limit_slow_readers),
                TEST(test_closed_listener),
                TEST(test_closed_listener_is_no_limit),
                TEST(test_dead_listener),
                TEST(test_two_listeners),
                TEST(test_many),
                TEST(test_drain),
                TEST(test_drain_has_a_deadline),
                TEST(test_drain_without_connections),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
