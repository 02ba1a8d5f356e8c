/* SPDX-License-Identifier: MIT */
/* The lifecycle of devbox-api: valid and invalid configurations, idle exit, stop. */

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api-world.h"
#include "basic/fd.h"

static bool healthy(const World *world)
{
        int value = false;

        assert_ok(sd_bus_get_property_trivial(world->bus->client, API, "/org/devbox/Api1",
                                              "org.devbox.Component1", "Healthy", NULL, 'b', &value));
        return value;
}

static void test_stop(void **state)
{
        World *world = *state;

        assert_int_equal(test_daemon_stop(world->api), 0);
        test_bus_wait_owner(world->bus, API, false);
}

static void test_stop_finishes_first(void **state)
{
        World *world = *state;
        _cleanup_(fd_closep) int fd = http_connect(world);

        fake_hold(world->bus, "ListUnitsByNames");
        http_send(fd, "GET /services", NULL);
        while (test_metric(world->bus->client, API, "requests_waiting") < 1)
                ;
        test_daemon_signal(world->api, SIGTERM);
        fake_release(world->bus, "ListUnitsByNames");
        assert_answer(http_receive(fd), 200, "docker");
        assert_int_equal(test_daemon_wait(world->api), 0);
}

/* A second process of the same name exits immediately, also with requests under way. */
static void test_name_taken(void **state)
{
        World *world = *state;
        const int fds[] = { world->fds[LISTENING_TCP] };
        const TestDaemonOptions options = {
                .program = API_PROGRAM, .name = API, .listen_fds = fds, .n_listen_fds = 1, .no_wait = true
        };
        _cleanup_(fd_closep) _unused_ int waiting = http_connect(world);

        http_send(waiting, "GET /services", NULL);
        TestDaemon *second = test_daemon_start_full(world->bus, &options);
        assert_int_equal(test_daemon_wait(second), 1);
        test_daemon_free(second);
}

static void test_invalid_config(void **state)
{
        static const struct {
                const char *yaml, *problem; /* NULL: no file */
        } rows[] = {
                { "http:\n  prot: 1\n", "config.yaml:2: " },
                { "services: ['getty@.service']\n", "config.yaml:1: " },
                { NULL, "config.yaml: " },
        };
        World *world = *state;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                world->api = test_daemon_free(world->api);
                _cleanup_(fd_closep) _unused_ int fd = http_connect(world); /* keeps the next from leaving */
                world_configure(world, rows[i].yaml);
                assert_answer(http_get(world, "/health"), 503, "\"config_invalid\"");
                assert_answer(http_get(world, "/health"), 503, rows[i].problem);
                assert_answer(http_get(world, "/system"), 503, "\"config_invalid\"");
                assert_answer(http_ask(world, "POST /actions/restart", TOKEN), 503, "\"config_invalid\"");
                assert_false(healthy(world));
        }

        /* Fixed and reloaded, it works. */
        test_bus_write_config(world->bus, AUTH SERVICES);
        test_daemon_signal(world->api, SIGHUP);
        http_wait_status(world, "/health", 200);
        assert_true(healthy(world));
        test_bus_wait_log(world->bus, API, "The configuration was read again");
}

static void test_invalid_config_leaves_soon(void **state)
{
        World *world = *state;

        world_configure(world, "nonsense\n");
        assert_int_equal(test_daemon_wait(world->api), 0);
}

static void test_reload(void **state)
{
        World *world = *state;

        test_bus_write_config(world->bus, "auth: { token: another-token }\n");
        test_daemon_signal(world->api, SIGHUP);
        test_bus_wait_log(world->bus, API, "The configuration was read again");
        assert_answer(http_ask(world, "POST /actions/restart", TOKEN), 401, "\"token_invalid\"");

        test_bus_write_config(world->bus, "auth:\n  tokem: x\n");
        test_daemon_signal(world->api, SIGHUP);
        test_bus_wait_log(world->bus, API, "keeping the last valid one: ");
        test_bus_wait_log(world->bus, API, "config.yaml:2: ");
        assert_answer(http_get(world, "/health"), 200, "ok");
        assert_false(healthy(world));

        test_bus_write_config(world->bus, "http: { port: 9999 }\n");
        test_daemon_signal(world->api, SIGHUP);
        test_bus_wait_log(world->bus, API, "systemctl restart devbox-api.socket");
        assert_true(healthy(world));
}

/* Starts one that exits when it was idle for a second, with a client in the backlog: it cannot be too early
 * for it. Returns the client's connection. */
static int start_idling(World *world)
{
        world->api = test_daemon_free(world->api);
        int fd = http_connect(world);
        http_send(fd, "GET /health", NULL);
        world_configure(world, AUTH "api: { idle_exit_sec: 1 }\n");
        assert_answer(http_receive(fd), 200, "ok");
        return fd;
}

static void test_idle_exit(void **state)
{
        World *world = *state;

        world_configure(world, AUTH "api: { idle_exit_sec: 1 }\n");
        assert_int_equal(test_daemon_wait(world->api), 0);
        (void) close(start_idling(world));
        assert_int_equal(test_daemon_wait(world->api), 0);
}

static void test_no_idle_exit_with_a_connection(void **state)
{
        World *world = *state;
        _cleanup_(fd_closep) int fd = start_idling(world);

        (void) usleep(2500 * 1000);
        http_send(fd, "GET /health", NULL);
        assert_answer(http_receive(fd), 200, "ok");
        fd = fd_close(fd);
        assert_int_equal(test_daemon_wait(world->api), 0);
}

static void test_no_idle_exit_into_a_bad_config(void **state)
{
        World *world = *state;
        int fd = start_idling(world);

        test_bus_write_config(world->bus, "nonsense\n");
        (void) close(fd);
        test_bus_wait_log(world->bus, API, "keeping the last valid one");
        assert_answer(http_get(world, "/health"), 200, "ok");
        assert_false(healthy(world));
        test_bus_write_config(world->bus, AUTH);
        assert_int_equal(test_daemon_wait(world->api), 0);
}

/* Replaces the world's TCP socket by one on all addresses. */
static void listen_everywhere(World *world)
{
        struct sockaddr_in address = { .sin_family = AF_INET };

        (void) fd_close(world->fds[LISTENING_TCP]);
        world->fds[LISTENING_TCP] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_ok(world->fds[LISTENING_TCP]);
        assert_ok(bind(world->fds[LISTENING_TCP], (struct sockaddr *) &address, sizeof address));
        assert_ok(listen(world->fds[LISTENING_TCP], 16));
}

static void test_exposed(void **state)
{
        World *world = *state;

        listen_everywhere(world);
        world_configure(world, AUTH "http: { host: 0.0.0.0, insecure_expose: true }\n");
        test_bus_wait_log(world->bus, API, "http.insecure_expose is on");
        assert_answer(http_get(world, "/health"), 200, "ok");
        assert_answer(http_ask(world, "GET /health HTTP/1.1\r\nHost: evil.example\r\nX:", NULL), 400, "");
}

static void test_not_exposed(void **state)
{
        World *world = *state;
        _cleanup_(fd_closep) int fd = -EBADF;

        listen_everywhere(world);
        world_configure(world, AUTH);
        test_bus_wait_log(world->bus, API, "not listening there");
        fd = http_connect_unix(world);
        http_send(fd, "GET /health", NULL);
        assert_answer(http_receive(fd), 200, "ok");

        /* A reload that allows it accepts the waiting connections; one that forbids it again accepts none.
         */
        _cleanup_(fd_closep) int waiting = http_connect(world);
        http_send(waiting, "GET /health", NULL);
        test_bus_write_config(world->bus, AUTH "http: { host: 0.0.0.0, insecure_expose: true }\n");
        test_daemon_signal(world->api, SIGHUP);
        assert_answer(http_receive(waiting), 200, "ok");
        test_bus_wait_log(world->bus, API, "http.insecure_expose is on");
}

#define BACK "The system bus is back"

static int count_log(const World *world, const char *text)
{
        _cleanup_(freep) char *log = test_bus_read_log(world->bus, API);
        int n = 0;

        for (const char *at = log; (at = strstr(at, text)); at++)
                n++;
        return n;
}

/* The delay before the first attempt is the same each time: what was lost before has no effect after the bus
 * is back. */
static void test_bus_restarts(void **state)
{
        World *world = *state;

        for (int round = 1; round <= 3; round++) {
                test_bus_restart(world->bus);
                test_bus_wait_owner(world->bus, API, true);
                assert_answer(http_get(world, "/health"), 200, "ok");
                for (unsigned i = 0; i < TEST_DEADLINE_SEC * 20 && count_log(world, BACK) < round; i++)
                        (void) usleep(50000); /* it is logged after the name is owned */
                assert_int_equal(count_log(world, BACK), round);
                assert_int_equal(count_log(world, "connecting again in 1 s"), round);
        }
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                world_test(test_stop),
                world_test(test_stop_finishes_first),
                world_test(test_name_taken),
                world_test(test_invalid_config),
                world_test(test_invalid_config_leaves_soon),
                world_test(test_reload),
                world_test(test_idle_exit),
                world_test(test_no_idle_exit_with_a_connection),
                world_test(test_no_idle_exit_into_a_bad_config),
                world_test(test_bus_restarts),
                world_test(test_exposed),
                world_test(test_not_exposed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
