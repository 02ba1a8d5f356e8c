/* SPDX-License-Identifier: MIT */
/* The world of the api's tests. */

#include "api-world.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "basic/fd.h"
#include "basic/time.h"

static int listen_on_tcp(void)
{
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        assert_ok(fd);
        assert_ok(bind(fd, (struct sockaddr *) &address, sizeof address));
        assert_ok(listen(fd, 1024));
        return fd;
}

static int listen_on_unix(const TestBus *bus)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        assert_ok(fd);
        (void) snprintf(address.sun_path, sizeof address.sun_path, "%s/api.sock", bus->directory);
        assert_ok(bind(fd, (struct sockaddr *) &address, sizeof address));
        assert_ok(listen(fd, 64));
        return fd;
}

int world_up_bare(void **state)
{
        World *world = calloc(1, sizeof *world);

        assert_non_null(world);
        *state = world;
        world->bus = test_bus_new();
        world->systemd = fake_start(world->bus);
        world->tcp_fd = listen_on_tcp();
        world->unix_fd = listen_on_unix(world->bus);
        test_bus_write_config(world->bus, AUTH SERVICES);
        fake_set_unit(world->bus, &(FakeUnit){ .id = "docker.service" });
        fake_set_unit(world->bus,
                      &(FakeUnit){ .id = "ssh.service", .active_state = "failed", .sub_state = "failed" });
        return 0;
}

int world_up(void **state)
{
        int r = world_up_bare(state);

        world_start_collector(*state);
        world_start_api(*state);
        return r;
}

int world_down(void **state)
{
        World *world = *state;

        test_daemon_free(world->api);
        test_daemon_free(world->collector);
        test_daemon_free(world->systemd);
        test_bus_free(world->bus);
        (void) fd_close(world->tcp_fd);
        (void) fd_close(world->unix_fd);
        free(world);
        return 0;
}

void world_listen_for_selftest(const World *world)
{
        char path[128];

        (void) snprintf(path, sizeof path, "%s/selftest.sock", world->bus->directory);
        fake_set_unit(world->bus, &(FakeUnit){ .id = SELFTEST, .active_state = "inactive" });
        fake_listen(world->bus, path, SELFTEST);
}

void world_start_api(World *world)
{
        char selftest[160];
        const char *const environment[] = { selftest, NULL };
        const int fds[] = { world->tcp_fd, world->unix_fd };
        const TestDaemonOptions options = { .program = API_PROGRAM,
                                            .name = API,
                                            .environment = environment,
                                            .listen_fds = fds,
                                            .n_listen_fds = 2 };

        (void) snprintf(selftest, sizeof selftest, "DEVBOX_SELFTEST_SOCKET=%s/selftest.sock",
                        world->bus->directory);

        if (world->api)
                test_daemon_free(world->api);
        world->api = test_daemon_start_full(world->bus, &options);
}

void world_start_collector(World *world)
{
        assert_null(world->collector);
        world->collector = test_daemon_start(world->bus, COLLECTOR_PROGRAM, COLLECTOR);
}

void world_configure(World *world, const char *yaml)
{
        test_bus_write_config(world->bus, yaml);
        world_start_api(world);
}

static int connect_to(int listen_fd)
{
        struct timeval patience = { .tv_sec = TEST_DEADLINE_SEC };
        struct sockaddr_storage address;
        socklen_t size = sizeof address;

        assert_ok(getsockname(listen_fd, (struct sockaddr *) &address, &size));
        int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_ok(fd);
        assert_ok(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience));
        assert_ok(connect(fd, (struct sockaddr *) &address, size));
        return fd;
}

int http_connect(const World *world)
{
        return connect_to(world->tcp_fd);
}

int http_connect_unix(const World *world)
{
        return connect_to(world->unix_fd);
}

void http_send(int fd, const char *what, const char *token)
{
        char request[1024];
        int size = snprintf(request, sizeof request, "%s HTTP/1.1\r\nHost: localhost\r\n%s%s%s\r\n", what,
                            token ? "X-Devbox-Token: " : "", token ? token : "", token ? "\r\n" : "");

        assert_true(size > 0 && (size_t) size < sizeof request);
        assert_int_equal(send(fd, request, (size_t) size, MSG_NOSIGNAL), size);
}

/* One answer with a Content-Length; fails when the server closes before its end. */
Answer http_receive(int fd)
{
        static char buffer[256 * 1024];
        size_t filled = 0, length = 0;
        char *body = NULL;
        Answer answer;

        while (!body || (size_t) (buffer + filled - body) < length) {
                ssize_t n = recv(fd, buffer + filled, sizeof buffer - 1 - filled, 0);

                if (n <= 0)
                        fail_msg("no answer: %s", n < 0 ? strerror(errno) : "closed");
                filled += (size_t) n;
                buffer[filled] = '\0';

                if (!body && (body = strstr(buffer, "\r\n\r\n"))) {
                        *body = '\0';
                        body += 4;
                        const char *header = strstr(buffer, "Content-Length: ");
                        assert_non_null(header);
                        length = strtoul(header + strlen("Content-Length: "), NULL, 10);
                }
        }

        assert_int_equal(sscanf(buffer, "HTTP/1.1 %d", &answer.status), 1);
        answer.headers = buffer;
        answer.body = body;
        return answer;
}

Answer http_ask(const World *world, const char *what, const char *token)
{
        _cleanup_(fd_closep) int fd = http_connect(world);

        http_send(fd, what, token);
        return http_receive(fd);
}

Answer http_get(const World *world, const char *path)
{
        char what[256];

        (void) snprintf(what, sizeof what, "GET %s", path);
        return http_ask(world, what, NULL);
}

static void wait_for(const World *world, const char *path, int status, const char *text)
{
        /* Well below the longest time to live, 60 s: what only expired does not count. */
        usec_t deadline = time_now(CLOCK_MONOTONIC) + TEST_DEADLINE_SEC / 2 * USEC_PER_SEC;

        for (;;) {
                Answer answer = http_get(world, path);

                if (status > 0 ? answer.status == status : !!strstr(answer.body, text))
                        return;
                if (time_now(CLOCK_MONOTONIC) > deadline)
                        fail_msg("%s stays %d %s", path, answer.status, answer.body);
        }
}

void http_wait_status(const World *world, const char *path, int status)
{
        wait_for(world, path, status, NULL);
}

void http_wait_body(const World *world, const char *path, const char *text)
{
        wait_for(world, path, 0, text);
}
