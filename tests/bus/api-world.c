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
        world->fds[world->n_fds++] = listen_on_tcp();
        world->fds[world->n_fds++] = listen_on_unix(world->bus);
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
        test_daemon_free(world->mesh);
        test_daemon_free(world->collector);
        test_daemon_free(world->systemd);
        test_bus_free(world->bus);
        for (size_t i = 0; i < world->n_fds; i++)
                (void) fd_close(world->fds[i]);
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

void world_listen_for_devices(World *world)
{
        world->fds[world->n_fds++] = listen_on_tcp();
        world->fds[world->n_fds++] = listen_on_tcp();
}

void world_start_api(World *world)
{
        static const char names[] =
                "LISTEN_FDNAMES=local:local:mesh=" WORLD_DEVICE "/24:bootstrap=" WORLD_INVITED "/24";
        char selftest[160];
        const char *const environment[] = { selftest, world->n_fds > LISTENING_MESH ? names : NULL, NULL };
        const TestDaemonOptions options = { .program = API_PROGRAM,
                                            .name = API,
                                            .environment = environment,
                                            .listen_fds = world->fds,
                                            .n_listen_fds = world->n_fds };

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

static int connect_to(int listen_fd, const char *source)
{
        struct timeval patience = { .tv_sec = TEST_DEADLINE_SEC };
        struct sockaddr_storage address;
        socklen_t size = sizeof address;

        assert_ok(getsockname(listen_fd, (struct sockaddr *) &address, &size));
        int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_ok(fd);
        assert_ok(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience));
        if (source) {
                struct sockaddr_in from = { .sin_family = AF_INET };

                assert_int_equal(inet_pton(AF_INET, source, &from.sin_addr), 1);
                assert_ok(bind(fd, (struct sockaddr *) &from, sizeof from));
        }
        assert_ok(connect(fd, (struct sockaddr *) &address, size));
        return fd;
}

int http_connect(const World *world)
{
        return connect_to(world->fds[LISTENING_TCP], NULL);
}

int http_connect_unix(const World *world)
{
        return connect_to(world->fds[LISTENING_UNIX], NULL);
}

int http_connect_mesh(const World *world, Listening listening, const char *source)
{
        return connect_to(world->fds[listening], source);
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
                /* With a timeout, a stop of this process interrupts it as well: signal(7). */
                ssize_t n = TEMP_FAILURE_RETRY(recv(fd, buffer + filled, sizeof buffer - 1 - filled, 0));

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
