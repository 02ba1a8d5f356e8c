/* SPDX-License-Identifier: MIT */
/* A listener for other machines: some routes, some sources, its own address as Host. */
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "basic/fd.h"
#include "world.h"

#define SOURCES "127.0.1.0/24"

static int scope_up(void **state)
{
        int r = world_up(state);
        HttpListenerOptions options = { .max_connections = 8, .scope = WORLD_SCOPE, .own_host = true };
        World *world = *state;

        assert_ok(ip_prefix_parse(SOURCES, &options.sources));
        (void) fd_close(world->listen_fd);
        world->listen_fd = world_listen_socket();
        assert_ok(http_server_listen_take(world->server, dup(world->listen_fd), &options, NULL));
        return r;
}

static int connect_from(const World *world, const char *source)
{
        struct sockaddr_in from = { .sin_family = AF_INET }, to;
        socklen_t size = sizeof to;
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        assert_ok(fd);
        assert_int_equal(inet_pton(AF_INET, source, &from.sin_addr), 1);
        assert_ok(bind(fd, (struct sockaddr *) &from, sizeof from));
        assert_ok(getsockname(world->listen_fd, (struct sockaddr *) &to, &size));
        assert_ok(connect(fd, (struct sockaddr *) &to, size));
        return fd;
}

static void test_sources(void **state)
{
        static const struct {
                const char *source;
                bool served;
        } rows[] = {
                { "127.0.1.0", true },
                { "127.0.1.255", true },
                { "127.0.0.255", false },
                { "127.0.2.0", false },
        };
        World *world = *state;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(fd_closep) int fd = connect_from(world, rows[i].source);
                uint64_t rejected = http_server_stats(world->server)->rejected_total;

                print_message("%s\n", rows[i].source);
                world_send(fd, "GET /now HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n" END);
                const char *text = world_read_to_end(world, fd);
                assert_int_equal(startswith(text, "HTTP/1.1 200"), rows[i].served);
                assert_int_equal(strlen(text) == 0, !rows[i].served);
                assert_int_equal(http_server_stats(world->server)->rejected_total - rejected,
                                 rows[i].served ? 0 : 1);
        }
}

static void test_requests(void **state)
{
        static const struct {
                const char *request, *status;
        } rows[] = {
                { "GET /now HTTP/1.1\r\nHost: 127.0.0.1\r\n" END, "HTTP/1.1 200" },
                { "HEAD /now HTTP/1.1\r\nHost: 127.0.0.1\r\n" END, "HTTP/1.1 200" },
                { "GET http://127.0.0.1/now HTTP/1.1\r\nHost: x\r\n" END, "HTTP/1.1 200" },
                { "GET /now HTTP/1.1\r\nHost: localhost\r\n" END, "HTTP/1.1 421" },
                { "GET /now HTTP/1.1\r\nHost: 127.0.0.2\r\n" END, "HTTP/1.1 421" },
                { "GET http://localhost/now HTTP/1.1\r\nHost: 127.0.0.1\r\n" END, "HTTP/1.1 421" },
                { "POST /now HTTP/1.1\r\nHost: 127.0.0.1\r\n" END, "HTTP/1.1 405" },
                { "GET /page HTTP/1.1\r\nHost: 127.0.0.1\r\n" END, "HTTP/1.1 404" },
                { "POST /body HTTP/1.1\r\nHost: 127.0.0.1\r\n" END, "HTTP/1.1 404" },
                { "GET /echo/x HTTP/1.1\r\nHost: 127.0.0.1\r\n" END, "HTTP/1.1 404" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(fd_closep) int fd = connect_from(*state, "127.0.1.1");

                world_send(fd, rows[i].request);
                const char *text = world_read_to_end(*state, fd);
                if (!startswith(text, rows[i].status))
                        fail_msg("%s: %s", rows[i].request, text);
        }
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_sources, scope_up, world_down),
                cmocka_unit_test_setup_teardown(test_requests, scope_up, world_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
