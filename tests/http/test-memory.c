/* SPDX-License-Identifier: MIT */
/* What clients that do not read can make the server and the kernel hold. */

#include <linux/sock_diag.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "basic/fd.h"
#include "world.h"

#define FDS_MAX 1024

#define POST(path, size) "POST " path " HTTP/1.1\r\n" HOST "Content-Length: " size "\r\n" END

/* Whether `fd` is a connection that our server accepted; those of the test are connected to it. */
static bool is_accepted(const World *world, int fd)
{
        struct sockaddr_storage listening = { 0 }, name = { 0 }, peer = { 0 };
        socklen_t size = sizeof listening, name_size = sizeof name, peer_size = sizeof peer;

        assert_ok(getsockname(world->listen_fd, (struct sockaddr *) &listening, &size));
        return fd != world->listen_fd && getsockname(fd, (struct sockaddr *) &name, &name_size) >= 0 &&
               getpeername(fd, (struct sockaddr *) &peer, &peer_size) >= 0 && name_size == size &&
               memcmp(&name, &listening, size) == 0;
}

/* The memory of a connection's buffers in the kernel. */
static size_t kernel_bytes(int fd)
{
        uint32_t info[SK_MEMINFO_VARS] = { 0 };
        socklen_t size = sizeof info;

        assert_ok(getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &size));
        return info[SK_MEMINFO_RMEM_ALLOC] + info[SK_MEMINFO_WMEM_QUEUED] + info[SK_MEMINFO_FWD_ALLOC] +
               info[SK_MEMINFO_BACKLOG];
}

static size_t largest_kernel_bytes(const World *world)
{
        size_t largest = 0;

        for (int fd = 0; fd < FDS_MAX; fd++)
                if (is_accepted(world, fd))
                        largest = MAX(largest, kernel_bytes(fd));
        return largest;
}

/* Sends as much of the pipelined requests as the kernel takes. */
static void send_many(int fd, const char *request, size_t n)
{
        for (size_t i = 0; i < n; i++)
                (void) send(fd, request, strlen(request), MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Reads what is left; whether the server has reset the connection. */
static bool drain_until_reset(int fd)
{
        char discarded[4096];
        ssize_t n;

        do
                n = recv(fd, discarded, sizeof discarded, 0);
        while (n > 0);
        return n < 0 && errno == ECONNRESET;
}

static int listen_unix(char ret_path[static 64])
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = assert_ok(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));

        (void) snprintf(ret_path, 64, "/tmp/devbox-test-memory-%d", getpid());
        (void) snprintf(address.sun_path, sizeof address.sun_path, "%s", ret_path);
        assert_ok(bind(fd, (struct sockaddr *) &address, sizeof address));
        assert_ok(listen(fd, 64));
        return fd;
}

static int connect_unix(const char *path)
{
        int fd = assert_ok(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));

        assert_ok(fd_connect_unix(fd, path));
        return fd;
}

/* Every connection stays within what it is charged, whatever its client's window. */
static void test_unread_responses(void **state)
{
        static const char *const requests[] = { GET("/page") "\r\n", GET("/big") "\r\n",
                                                GET("/now") "\r\n" };
        static const int receive_bytes[] = { 1, 4096, 65536, 4 * 1024 * 1024 };
        World *world = *state;

        for (size_t i = 0; i < ELEMENTSOF(requests); i++)
                for (size_t j = 0; j < ELEMENTSOF(receive_bytes); j++) {
                        int fd = world_connect_buffer(world, receive_bytes[j]);
                        size_t held = 0;

                        for (int n = 0; n < 100; n++) {
                                send_many(fd, requests[i], 220);
                                assert_ok(sd_event_run(world->event, n < 90 ? 0 : 1000));
                                held = MAX(held, largest_kernel_bytes(world));
                        }
                        size_t charged = http_server_stats(world->server)->charged_bytes;
                        assert_in_range(held + HTTP_LIMITS_DEFAULT.connection_bytes, 1, charged);
                        close(fd);
                        RUN_UNTIL(world, http_server_stats(world->server)->n_connections == 0);
                        assert_int_equal(http_server_stats(world->server)->charged_bytes, 0);
                }
}

#define RESPONSE_USEC (50 * USEC_PER_MSEC)
#define PROBE_USEC    (200 * USEC_PER_MSEC) /* TCP_RTO_MIN: then a probe sends what was unsent */

/* A client that does not read is counted until its deadline, then reset. Returns false if this machine
 * stalled: the deadline was reached before we looked, or the kernel has probed the client's window. */
static bool unread_is_counted(World *world, bool half_close)
{
        const HttpStats *stats = http_server_stats(world->server);
        uint64_t expired = stats->expired_total;
        size_t n_responses = world->n_responses;
        _cleanup_(fd_closep) int fd = world_connect_buffer(world, 1);
        usec_t reached = deadline_after(RESPONSE_USEC), probed = deadline_after(PROBE_USEC);

        world_send(fd, half_close ? GET("/page") "\r\n" : GET("/page") END);
        if (half_close)
                assert_ok(shutdown(fd, SHUT_WR));
        RUN_UNTIL(world, world->n_responses == n_responses + 1);
        world_spin(world);
        bool counted = stats->n_connections == 1, in_time = deadline_left(reached) > 0;
        RUN_UNTIL(world, stats->n_connections == 0);
        if (!in_time || deadline_left(probed) == 0)
                return false;

        assert_true(counted);
        assert_int_equal(stats->expired_total, expired + 1);
        assert_true(drain_until_reset(fd));
        return true;
}

/* A client that sends its requests, closes its half or asks for the end, and does not read: it is counted
 * until it is reset, and can no longer read all of the response then. */
static void test_unread_at_close(void **state)
{
        HttpLimits limits = HTTP_LIMITS_DEFAULT;
        World *world = *state;

        limits.response_usec = RESPONSE_USEC;
        limits.hangup_usec = 10 * USEC_PER_MSEC;
        world_restart(world, &limits, 512);
        for (int half_close = 0; half_close <= 1; half_close++)
                RUN_UNTIL(world, unread_is_counted(world, half_close));
}

/* A client that reads late gets everything, and is let go without the deadline. */
static void test_read_after_close(void **state)
{
        HttpLimits limits = HTTP_LIMITS_DEFAULT;
        World *world = *state;

        limits.hangup_usec = 5 * USEC_PER_MSEC;
        world_restart(world, &limits, 512);
        _cleanup_(fd_closep) int fd = world_connect_buffer(world, 1);
        world_send(fd, GET("/page") END);
        RUN_UNTIL(world, world->n_responses == 1);
        world_spin(world);
        const char *text = world_read_to_end(world, fd);
        assert_int_equal(strlen(strstr(text, "\r\n\r\n") + 4), 10000);
        RUN_UNTIL(world, http_server_stats(world->server)->n_connections == 0);
        assert_int_equal(http_server_stats(world->server)->expired_total, 0);
}

/* Returns false if the response was not sent by its deadline. */
static bool unix_client_is_counted(World *world, const char *path, bool reads)
{
        size_t n_responses = world->n_responses;
        _cleanup_(fd_closep) int fd = connect_unix(path);

        world_send(fd, GET("/now") END);
        RUN_UNTIL(world, world->n_responses == n_responses + 1);
        for (int i = 0; i < 900; i++)
                assert_ok(sd_event_run(world->event, 1000));
        if (recv(fd, (char[1]){ 0 }, 1, MSG_PEEK | MSG_DONTWAIT) != 1)
                return false;
        assert_int_equal(http_server_stats(world->server)->n_connections, 1);
        if (reads)
                assert_true(endswith(world_read_to_end(world, fd), "now"));
        close(TAKE_FD(fd));
        RUN_UNTIL(world, http_server_stats(world->server)->n_connections == 0);
        return true;
}

/* A Unix socket cannot be reset: its client is counted until it reads or closes. */
static void test_unix_client(void **state)
{
        HttpLimits limits = HTTP_LIMITS_DEFAULT;
        World *world = *state;
        char path[64];

        limits.response_usec = limits.hangup_usec = 5 * USEC_PER_MSEC;
        world_restart(world, &limits, 512);
        assert_ok(http_server_listen_take(world->server, listen_unix(path),
                                          &(HttpListenerOptions){ .max_connections = 512 }, NULL));
        for (int reads = 0; reads <= 1; reads++)
                RUN_UNTIL(world, unix_client_is_counted(world, path, reads));
        assert_ok(unlink(path));
}

/* Who uses up a share of the budget over the Unix socket is turned away; clients over TCP are not. */
static void test_shares(void **state)
{
        HttpLimits limits = HTTP_LIMITS_DEFAULT;
        World *world = *state;
        char path[64];
        int fds[8];

        limits.budget_bytes = 1024 * 1024;
        world_restart(world, &limits, 512);
        assert_ok(http_server_listen_take(world->server, listen_unix(path),
                                          &(HttpListenerOptions){ .max_connections = 512 }, NULL));
        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                fds[i] = connect_unix(path);
        RUN_UNTIL(world, http_server_stats(world->server)->rejected_total > 0);
        assert_in_range(http_server_stats(world->server)->charged_bytes, 1, limits.budget_bytes / 2);
        assert_string_equal(world_read_to_end(world, fds[ELEMENTSOF(fds) - 1]), "");
        assert_true(endswith(world_request(world, GET("/now") END), "now"));
        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                close(fds[i]);
        assert_ok(unlink(path));
}

/* Over TCP, more clients than fit into the share wait, and all get their response. */
static void test_tcp_share(void **state)
{
        HttpLimits limits = HTTP_LIMITS_DEFAULT;
        World *world = *state;
        int fds[20];

        limits.budget_bytes = 1024 * 1024;
        world_restart(world, &limits, 512);
        for (size_t i = 0; i < ELEMENTSOF(fds); i++) {
                fds[i] = world_connect(world);
                world_send(fds[i], GET("/now") "\r\n");
        }
        for (size_t i = 0; i < ELEMENTSOF(fds); i++) {
                (void) world_read_until(world, fds[i], "\r\n\r\nnow");
                close(fds[i]);
        }
        assert_true(http_server_stats(world->server)->at_limit_total > 0);
        assert_int_equal(http_server_stats(world->server)->rejected_total, 0);
}

/* The body of a request is charged as well, before it is read. */
static void test_body_share(void **state)
{
        HttpLimits limits = HTTP_LIMITS_DEFAULT;
        World *world = *state;
        int fd = world_connect(world);

        /* Room for one connection, and a body of 10 bytes in a buffer of twice its size. */
        RUN_UNTIL(world, http_server_stats(world->server)->n_connections == 1);
        limits.budget_bytes = 2 * (http_server_stats(world->server)->charged_bytes + 20);
        close(fd);
        world_restart(world, &limits, 512);
        assert_true(startswith(world_request(world, POST("/body", "11")), "HTTP/1.1 503"));
        assert_true(startswith(world_request(world, POST("/body", "10") "0123456789"), "HTTP/1.1 200"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_up, world_down)
        static const struct CMUnitTest tests[] = {
                TEST(test_unread_responses), TEST(test_unread_at_close), TEST(test_read_after_close),
                TEST(test_unix_client),      TEST(test_shares),          TEST(test_tcp_share),
                TEST(test_body_share),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
