/* SPDX-License-Identifier: MIT */
/* Streamed responses: pieces, back-pressure, and every way in which a stream ends. */

#include "http/stream.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "basic/fd.h"
#include "world.h"

static void test_pieces(void **state)
{
        static const char *const pieces[] = { "one", "two", NULL };
        static const struct {
                const char *request, *has;
        } rows[] = {
                { GET("/stream") END, "\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n" },
                { GET("/stream") END, "Transfer-Encoding: chunked\r\n" },
                { GET("/stream") END, "Content-Type: text/event-stream\r\n" },
                { GET("/stream") END, "Cache-Control: no-store\r\n" },
                { "GET /stream HTTP/1.0\r\n" HOST "\r\n", "\r\n\r\nonetwo" },
                { "HEAD /stream HTTP/1.1\r\n" HOST END, "Content-Type: text/event-stream\r\n" },
        };
        World *world = *state;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                world->pieces = pieces;
                const char *text = world_request(world, rows[i].request);
                if (!strstr(text, rows[i].has))
                        fail_msg("row %zu:\n%s", i, text);
                assert_int_equal(world->n_ended, i + 1);
                assert_int_equal(world->stream_result, 0);
        }
}

static void test_keep_alive(void **state)
{
        static const char *const pieces[] = { "one", NULL };
        World *world = *state;
        _cleanup_(fd_closep) int fd = world_connect(world);

        world->pieces = pieces;
        world_send(fd, GET("/stream") "\r\n" GET("/now") "\r\n");
        (void) world_read_until(world, fd, "\r\n\r\nnow");
}

/* Connects, and returns once the first piece was received and the producer waits. */
static int connect_waiting(World *world)
{
        static const char *const pieces[] = { "one", "", NULL };
        int fd = world_connect(world);

        world->pieces = pieces;
        world_send(fd, GET("/stream") "\r\n");
        (void) world_read_until(world, fd, "one");
        world_spin(world);
        return fd;
}

static void test_resume(void **state)
{
        static const char *const more[] = { "two", "", NULL }, *const last[] = { "three", NULL };
        World *world = *state;
        _cleanup_(fd_closep) int fd = connect_waiting(world);

        http_stream_resume(world->streamed); /* nothing new: it waits again */
        world_spin(world);
        world->pieces = more;
        http_stream_resume(world->streamed);
        (void) world_read_until(world, fd, "two");
        world_spin(world);
        world->pieces = last;
        http_stream_resume(world->streamed);
        (void) world_read_until(world, fd, "three\r\n0\r\n\r\n");
        assert_int_equal(world->n_ended, 1);
        assert_int_equal(world->stream_result, 0);
}

static void test_waiting_has_no_deadline(void **state)
{
        static const char *const last[] = { "two", NULL };
        HttpLimits limits = HTTP_LIMITS_DEFAULT;
        World *world = *state;

        limits.request_usec = limits.response_usec = limits.idle_usec = 5 * USEC_PER_MSEC;
        world_restart(world, &limits, 512);
        _cleanup_(fd_closep) int fd = connect_waiting(world);
        for (int i = 0; i < 60; i++)
                assert_ok(sd_event_run(world->event, 1000));
        world->pieces = last;
        http_stream_resume(world->streamed);
        (void) world_read_until(world, fd, "two\r\n0\r\n\r\n");
}

static void test_client_gone(void **state)
{
        World *world = *state;

        for (int half = 0; half <= 1; half++) {
                int fd = connect_waiting(world);

                if (half)
                        assert_ok(shutdown(fd, SHUT_WR));
                else
                        close(TAKE_FD(fd));
                RUN_UNTIL(world, world->n_ended == (size_t) half + 1);
                assert_int_equal(world->stream_result, -ECONNRESET);
                RUN_UNTIL(world, http_server_stats(world->server)->n_connections == 0);
                (void) fd_close(fd);
        }
}

/* An endless producer is called only as far as the client reads, and ends at the client's deadline. */
static void test_back_pressure(void **state)
{
        HttpLimits limits = HTTP_LIMITS_DEFAULT;
        World *world = *state;
        char discarded[65536];

        limits.response_usec = 1 * USEC_PER_SEC;
        world_restart(world, &limits, 512);
        _cleanup_(fd_closep) int fd = world_connect(world);
        world->endless = true;
        world_send(fd, GET("/stream") "\r\n");
        RUN_UNTIL(world, world->n_produced > 0);
        world_spin(world);
        size_t n_buffered = world->n_produced;
        assert_in_range(n_buffered, 1, 2 * BIG_SIZE);

        RUN_UNTIL(world, ((void) !recv(fd, discarded, sizeof discarded, MSG_DONTWAIT),
                          world->n_produced > n_buffered));
        assert_int_equal(world->n_ended, 0);
        RUN_UNTIL(world, world->n_ended == 1);
        assert_int_equal(world->stream_result, -ETIMEDOUT);
        RUN_UNTIL(world, http_server_stats(world->server)->n_connections == 0);
}

/* ---- clients that may pause */

static void wait_usec(const World *world, usec_t usec)
{
        usec_t end = time_now(CLOCK_MONOTONIC) + usec;

        RUN_UNTIL(world, time_now(CLOCK_MONOTONIC) >= end);
}

static int connect_probing(const World *world, int receive_bytes)
{
        int fd = world_connect_buffer((World *) world, receive_bytes);
        static const int on = 1, sec = 1;

        assert_ok(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on));
        assert_ok(setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &sec, sizeof sec));
        assert_ok(setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &sec, sizeof sec));
        return fd;
}

/* Two clients read nothing for far longer than they may otherwise, while their kernel sends keepalive
 * probes: to one the server has sent everything, more than the client's buffer holds, to the other there is
 * more. */
static void test_paused(void **state)
{
        HttpLimits limits = HTTP_LIMITS_DEFAULT;
        World *world = *state;
        const char *pieces[17] = { NULL };
        static char body[BIG_SIZE];
        size_t n = 0;

        for (size_t i = 0; i < ELEMENTSOF(pieces) - 1; i++)
                pieces[i] = world->big;
        limits.socket_bytes = 208 * 1024;
        limits.idle_usec = limits.response_usec = 5 * USEC_PER_SEC;
        usec_t longer_usec = limits.idle_usec + USEC_PER_SEC / 2;
        world->may_pause = true;
        world->pieces = pieces;
        world_restart(world, &limits, 512);

        _cleanup_(fd_closep) int fd = connect_probing(world, 4096);
        world_send(fd, GET("/stream") "\r\n");
        RUN_UNTIL(world, world->n_ended == 1);
        assert_int_equal(world->stream_result, 0);
        _cleanup_(fd_closep) int endless_fd = connect_probing(world, (world->endless = true, 0));
        world_send(endless_fd, GET("/stream") "\r\n");
        wait_usec(world, longer_usec);
        size_t n_buffered = world->n_produced;
        wait_usec(world, longer_usec);
        assert_int_equal(world->n_ended, 1);
        assert_int_equal(world->n_produced, n_buffered);

        RUN_UNTIL(world, (n += (size_t) MAX(recv(fd, body + n, sizeof body - n, MSG_DONTWAIT), 0),
                          n > 5 && memcmp(body + n - 5, "0\r\n\r\n", 5) == 0));
        RUN_UNTIL(world, http_server_stats(world->server)->n_connections == 1);
        RUN_UNTIL(world, ((void) !recv(endless_fd, body, sizeof body, MSG_DONTWAIT),
                          world->n_produced > n_buffered));
        close(TAKE_FD(endless_fd));
        RUN_UNTIL(world, world->n_ended == 2);
        assert_int_equal(world->stream_result, -ECONNRESET);
}

/* Its kernel sends nothing, as that of a machine that is gone. */
static void test_silent(void **state)
{
        HttpLimits limits = HTTP_LIMITS_DEFAULT;
        World *world = *state;

        limits.response_usec = 1 * USEC_PER_SEC;
        world->may_pause = true;
        world_restart(world, &limits, 512);
        _cleanup_(fd_closep) int fd = world_connect(world);
        world->endless = true;
        world_send(fd, GET("/stream") "\r\n");
        RUN_UNTIL(world, world->n_ended == 1);
        assert_int_equal(world->stream_result, -ETIMEDOUT);
        _cleanup_(fd_closep) int waiting = connect_waiting((world->endless = false, world));
        RUN_UNTIL(world, world->n_ended == 2);
        assert_int_equal(world->stream_result, -ETIMEDOUT);
}

/* The client must see that the body is incomplete. */
static void test_producer_fails(void **state)
{
        static const char *const pieces[] = { "one", "!", NULL };
        World *world = *state;

        world->pieces = pieces;
        const char *text = world_request(world, GET("/stream") "\r\n");
        assert_null(strstr(text, "\r\n0\r\n"));
        assert_int_equal(world->n_ended, 1);
        assert_int_equal(world->stream_result, -EIO);
}

static void test_abort(void **state)
{
        World *world = *state;
        _cleanup_(fd_closep) int fd = connect_waiting(world);

        http_stream_abort(world->streamed);
        assert_string_equal(world_read_to_end(world, fd), "");
        RUN_UNTIL(world, http_server_stats(world->server)->n_connections == 0);
        assert_int_equal(world->n_ended, 0);
}

static void test_server_ends(void **state)
{
        HttpLimits limits = HTTP_LIMITS_DEFAULT;
        World *world = *state;

        int fd = connect_waiting(world);
        limits.drain_usec = 20 * USEC_PER_MSEC;
        world_restart(world, &limits, 512); /* frees the first server */
        assert_int_equal(world->n_ended, 1);
        assert_int_equal(world->stream_result, -ECANCELED);
        close(fd);

        fd = connect_waiting(world);
        http_server_drain(world->server);
        RUN_UNTIL(world, world->drained);
        assert_int_equal(world->n_ended, 2);
        assert_int_equal(world->stream_result, -ECANCELED);
        close(fd);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_up, world_down)
        static const struct CMUnitTest tests[] = {
                TEST(test_pieces),         TEST(test_keep_alive),
                TEST(test_resume),         TEST(test_waiting_has_no_deadline),
                TEST(test_client_gone),    TEST(test_back_pressure),
                TEST(test_producer_fails), TEST(test_abort),
                TEST(test_server_ends),    TEST(test_paused),
                TEST(test_silent),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
