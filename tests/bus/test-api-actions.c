/* SPDX-License-Identifier: MIT */
/* The actions of devbox-api: who may, and what becomes of it. */

#include <poll.h>
#include <stdio.h>

#include "api-world.h"
#include "basic/fd.h"

#define RESTART   "POST /actions/restart"
#define RUN_TESTS "POST /actions/run-tests"

static void test_token(void **state)
{
        World *world = *state;

        assert_answer(http_ask(world, RESTART, NULL), 401, "\"token_required\"");
        assert_non_null(strstr(http_ask(world, RESTART, NULL).headers, "WWW-Authenticate: "));
        assert_answer(http_ask(world, RESTART, ""), 401, "\"token_invalid\"");
        assert_answer(http_ask(world, RESTART, "wrong"), 401, "\"token_invalid\"");
        assert_answer(http_ask(world, RESTART, TOKEN "x"), 401, "\"token_invalid\"");
        assert_answer(http_ask(world, RUN_TESTS, "wrong"), 401, "\"token_invalid\"");
        assert_answer(http_ask(world, RESTART, TOKEN "\r\nX-Devbox-Token: " TOKEN), 400, "\"bad_request\"");
        assert_int_equal(test_metric(world->bus->client, API, "actions_denied_total"), 7);
        assert_int_equal(test_metric(world->bus->client, API, "actions_accepted_total"), 0);
        test_bus_wait_log(world->bus, API, "Action restart denied");
}

static void test_log_does_not_fill(void **state)
{
        World *world = *state;

        for (int i = 0; i < 50; i++)
                assert_answer(http_ask(world, RESTART, "secret-guess"), 401, "");

        _cleanup_(freep) char *log = test_bus_read_log(world->bus, API);
        size_t n = 0;
        for (const char *at = strstr(log, "denied"); at; at = strstr(at + 1, "denied"))
                n++;
        assert_true(n > 0 && n <= 10);
        assert_null(strstr(log, "(0 more")); /* nothing was left out yet */
        assert_null(strstr(log, "secret-guess"));
}

static void test_no_token_no_action(void **state)
{
        static const char *const configs[] = {
                SERVICES,
                "auth: { token: CAMBIAR_ESTE_TOKEN }\n" SERVICES,
        };
        World *world = *state;

        for (size_t i = 0; i < ELEMENTSOF(configs); i++) {
                world_configure(world, configs[i]);
                assert_answer(http_ask(world, RESTART, NULL), 403, "\"token_placeholder\"");
                assert_answer(http_ask(world, RESTART, ""), 403, "\"token_placeholder\"");
                assert_answer(http_ask(world, RUN_TESTS, "CAMBIAR_ESTE_TOKEN"), 403,
                              "\"token_placeholder\"");
        }
}

static void test_foreign_pages(void **state)
{
        assert_answer(http_ask(*state, RESTART, TOKEN "\r\nOrigin: http://evil.example"), 403,
                      "\"origin_not_allowed\"");
        assert_answer(http_ask(*state, RESTART, TOKEN "\r\nOrigin: null"), 403, "\"origin_not_allowed\"");
        assert_answer(http_ask(*state, RESTART, TOKEN "\r\nSec-Fetch-Site: cross-site"), 403,
                      "\"origin_not_allowed\"");
}

/* RFC 9110 5.5: blanks around a value are not part of it. */
static void test_blanks_around_token(void **state)
{
        assert_answer(http_ask(*state, RESTART, "another-token \t"), 401, "\"token_invalid\"");
        assert_answer(http_ask(*state, RESTART, " \t" TOKEN "\t "), 202, "restarting");
}

/* Whether systemd, which polls the sockets while no process has them, would start the next process. */
static bool socket_is_triggered(const World *world)
{
        struct pollfd fds[] = { { .fd = world->fds[LISTENING_TCP], .events = POLLIN },
                                { .fd = world->fds[LISTENING_UNIX], .events = POLLIN } };

        return poll(fds, ELEMENTSOF(fds), 0) > 0;
}

/* A requested restart must not depend on Restart= of the unit, whose start limit counts crashes. */
static void test_restart_triggers_the_socket(void **state)
{
        World *world = *state;

        assert_int_equal(http_ask(world, RESTART, TOKEN).status, 202);
        assert_int_equal(test_daemon_wait(world->api), 75);
        assert_true(socket_is_triggered(world));

        world_start_api(world); /* takes that connection, which its client has closed */
        assert_answer(http_get(world, "/health"), 200, "ok");
        assert_false(socket_is_triggered(world));
        sd_bus_message_unref(test_call(world->bus->client, API, "org.devbox.Component1.Restart"));
        assert_int_equal(test_daemon_wait(world->api), 75);
        assert_true(socket_is_triggered(world));

        world_start_api(world);
        assert_answer(http_get(world, "/health"), 200, "ok");
        assert_int_equal(test_daemon_stop(world->api), 0);
        assert_false(socket_is_triggered(world));
}

/* The process replies and exits with 75; a client that connects meanwhile is served by the next one. */
static void test_restart(void **state)
{
        World *world = *state;
        _cleanup_(fd_closep) int idle = http_connect(world), waiting = -EBADF;

        http_send(idle, "GET /health", NULL);
        assert_answer(http_receive(idle), 200, "ok");

        Answer answer = http_ask(world, RESTART, TOKEN);
        assert_int_equal(answer.status, 202);
        assert_string_equal(answer.body, "{\"status\":\"restarting\"}");
        assert_int_equal(test_daemon_wait(world->api), 75);

        waiting = http_connect(world);
        http_send(waiting, "GET /health", NULL);
        world_start_api(world);
        assert_answer(http_receive(waiting), 200, "ok");
        test_bus_wait_log(world->bus, API, "Action restart accepted");
}

/* What is under way when the restart is asked for is answered first. */
static void test_restart_finishes_first(void **state)
{
        World *world = *state;
        _cleanup_(fd_closep) int busy = http_connect(world);

        fake_hold(world->bus, "ListUnitsByNames");
        http_send(busy, "GET /services", NULL);
        while (test_metric(world->bus->client, API, "requests_waiting") < 1)
                ;
        assert_answer(http_ask(world, RESTART, TOKEN), 202, "restarting");
        fake_release(world->bus, "ListUnitsByNames");
        assert_answer(http_receive(busy), 200, "docker");
        assert_int_equal(test_daemon_wait(world->api), 75);
}

static void test_restart_over_the_bus(void **state)
{
        World *world = *state;

        sd_bus_message_unref(test_call(world->bus->client, API, "org.devbox.Component1.Restart"));
        assert_int_equal(test_daemon_wait(world->api), 75);
}

static void test_no_restart_into_a_bad_config(void **state)
{
        _cleanup_(freep) char *message = NULL;
        World *world = *state;

        test_bus_write_config(world->bus, AUTH "http:\n  prot: 1\n");
        assert_answer(http_ask(world, RESTART, TOKEN), 409, "\"config_invalid\"");
        assert_answer(http_ask(world, RESTART, TOKEN), 409, "config.yaml:3: ");
        test_call_error(world->bus->client, API, "org.devbox.Component1.Restart",
                        "org.devbox.Error.ConfigInvalid", &message);
        assert_non_null(strstr(message, "config.yaml:3: "));
        assert_answer(http_get(world, "/health"), 200, "ok");

        test_bus_write_config(world->bus, AUTH);
        assert_answer(http_ask(world, RESTART, TOKEN), 202, "restarting");
        assert_int_equal(test_daemon_wait(world->api), 75);
}

static void read_id(const Answer *answer, char ret_id[static 33])
{
        assert_int_equal(sscanf(answer->body, "{\"id\":\"%32[0-9a-f]\"", ret_id), 1);
        assert_int_equal(strlen(ret_id), 32);
}

static void ask_run(const World *world, const char *id, int status, const char *body)
{
        char path[128];

        (void) snprintf(path, sizeof path, "/actions/run-tests/%s", id);
        assert_answer(http_get(world, path), status, body);
}

static void test_run(void **state)
{
        World *world = *state;
        char id[33], other[33], location[128];

        world_listen_for_selftest(world);
        ask_run(world, "0123456789abcdef0123456789abcdef", 404, "\"job_not_found\"");

        Answer answer = http_ask(world, RUN_TESTS, TOKEN);
        assert_answer(answer, 202, "\"status\":\"running\"");
        read_id(&answer, id);
        (void) snprintf(location, sizeof location, "Location: /actions/run-tests/%s", id);
        assert_non_null(strstr(answer.headers, location));
        ask_run(world, id, 200, "\"status\":\"running\",\"result\":null,\"exit_code\":null");

        /* Once more while it runs: the same run. */
        answer = http_ask(world, RUN_TESTS, TOKEN);
        assert_int_equal(answer.status, 202);
        read_id(&answer, other);
        assert_string_equal(other, id);
        assert_int_equal(fake_calls(world->bus, "Trigger"), 1);

        fake_finish(world->bus, SELFTEST, "success", 0);
        ask_run(world, id, 200, "\"status\":\"passed\",\"result\":\"success\",\"exit_code\":0");

        /* The next process of the api has the same. */
        world_start_api(world);
        ask_run(world, id, 200, "\"status\":\"passed\"");

        answer = http_ask(world, RUN_TESTS, TOKEN);
        read_id(&answer, other);
        assert_string_not_equal(other, id);
        ask_run(world, id, 404, "\"job_not_found\"");
        fake_finish(world->bus, SELFTEST, "exit-code", 1);
        ask_run(world, other, 200, "\"status\":\"failed\",\"result\":\"exit-code\",\"exit_code\":1");
}

static void test_run_that_was_killed(void **state)
{
        World *world = *state;
        char id[33];

        world_listen_for_selftest(world);
        Answer answer = http_ask(world, RUN_TESTS, TOKEN);
        read_id(&answer, id);
        fake_finish(world->bus, SELFTEST, "timeout", 15);
        ask_run(world, id, 200, "\"status\":\"failed\",\"result\":\"timeout\",\"exit_code\":null");
}

static void test_bad_run_ids(void **state)
{
        static const char *const ids[] = {
                "x",
                "00000000000000000000000000000000",
                "0123456789ABCDEF0123456789ABCDEF",
                "0123456789abcdef0123456789abcdef0",
                "%30123456789abcdef0123456789abcde",
        };
        World *world = *state;

        for (size_t i = 0; i < ELEMENTSOF(ids); i++)
                ask_run(world, ids[i], 404, "\"job_not_found\"");
        assert_int_equal(fake_calls(world->bus, "GetAll"), 0);
}

/* All clients may query a run: that must neither load systemd nor be denied. */
static void test_many_ask_for_a_run(void **state)
{
        static const char path[] = "GET /actions/run-tests/0123456789abcdef0123456789abcdef";
        World *world = *state;
        int fds[40];

        world_listen_for_selftest(world);
        fake_hold(world->bus, "GetAll");
        for (size_t i = 0; i < ELEMENTSOF(fds); i++) {
                fds[i] = http_connect(world);
                http_send(fds[i], path, NULL);
        }
        http_wait_status(world, "/health", 200); /* so they have arrived */
        fake_release(world->bus, "GetAll");
        for (size_t i = 0; i < ELEMENTSOF(fds); i++) {
                assert_answer(http_receive(fds[i]), 404, "\"job_not_found\"");
                (void) fd_close(fds[i]);
        }
        assert_in_range(fake_calls(world->bus, "GetAll"), 1, 3);
}

/* The wish that a run's end swept away with it is made again. */
static void test_lost_wish(void **state)
{
        World *world = *state;
        _cleanup_(fd_closep) int fd = http_connect(world);
        char id[33];

        world_listen_for_selftest(world);
        fake_hold(world->bus, "Trigger");
        http_send(fd, RUN_TESTS, TOKEN);
        fake_wait_calls(world->bus, "GetAll", 2); /* so it has connected */
        fake_flush(world->bus);
        fake_release(world->bus, "Trigger");

        Answer answer = http_receive(fd);
        assert_answer(answer, 202, "\"status\":\"running\"");
        read_id(&answer, id);
        assert_int_equal(fake_calls(world->bus, "StartUnit"), 0);
}

/* Nothing but the socket is asked to start anything: without it there is no run. */
static void test_no_socket(void **state)
{
        World *world = *state;

        fake_set_unit(world->bus, &(FakeUnit){ .id = SELFTEST, .active_state = "inactive" });
        assert_answer(http_ask(world, RUN_TESTS, TOKEN), 500, "systemctl status devbox-selftest.socket");
        assert_int_equal(fake_calls(world->bus, "StartUnit"), 0);
        assert_int_equal(test_metric(world->bus->client, API, "actions_accepted_total"), 0);
}

/* As when the service is masked: systemd finds out after the connection, and closes its socket. */
static void test_run_that_cannot_start(void **state)
{
        World *world = *state;

        world_listen_for_selftest(world);
        fake_fail(world->bus, "Trigger", "org.freedesktop.systemd1.UnitMasked");
        assert_answer(http_ask(world, RUN_TESTS, TOKEN), 500, "systemctl status devbox-selftest.socket");
        assert_int_equal(test_metric(world->bus->client, API, "actions_accepted_total"), 0);
}

static void test_run_refused(void **state)
{
        World *world = *state;

        world_listen_for_selftest(world);
        fake_fail(world->bus, "GetAll", "org.freedesktop.DBus.Error.NoReply");
        assert_answer(http_ask(world, RUN_TESTS, TOKEN), 503, "\"systemd_unavailable\"");
        assert_int_equal(fake_calls(world->bus, "Trigger"), 0);
}

static void test_systemd_silent(void **state)
{
        World *world = *state;

        fake_hold(world->bus, "GetAll");
        assert_answer(http_ask(world, RUN_TESTS, TOKEN), 503, "\"systemd_unavailable\"");
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                world_test(test_token),
                world_test(test_log_does_not_fill),
                world_test(test_no_token_no_action),
                world_test(test_foreign_pages),
                world_test(test_blanks_around_token),
                world_test(test_restart),
                world_test(test_restart_triggers_the_socket),
                world_test(test_restart_finishes_first),
                world_test(test_restart_over_the_bus),
                world_test(test_no_restart_into_a_bad_config),
                world_test(test_run),
                world_test(test_run_that_was_killed),
                world_test(test_bad_run_ids),
                world_test(test_many_ask_for_a_run),
                world_test(test_lost_wish),
                world_test(test_no_socket),
                world_test(test_run_that_cannot_start),
                world_test(test_run_refused),
                world_test(test_systemd_silent),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
