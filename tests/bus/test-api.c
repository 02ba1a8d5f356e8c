/* SPDX-License-Identifier: MIT */
/* What devbox-api answers, with the real collector behind it and without. */

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "api-world.h"
#include "basic/fd.h"
#include "basic/time.h"
#include "introspect.h"

static void test_health(void **state)
{
        Answer answer = http_get(*state, "/health");

        assert_int_equal(answer.status, 200);
        assert_string_equal(answer.body,
                            "{\"status\":\"ok\",\"service\":\"devbox\",\"version\":\"" DEVBOX_VERSION "\"}");
        assert_non_null(strstr(answer.headers, "Content-Type: application/json"));
        assert_non_null(strstr(answer.headers, "Cache-Control: no-store"));
        assert_non_null(strstr(answer.headers, "X-Content-Type-Options: nosniff"));
}

static void test_system(void **state)
{
        Answer answer = http_get(*state, "/system");

        assert_answer(answer, 200, "\"uptime_seconds\":");
        assert_true(startswith(answer.body, "{\"cpu_percent\":"));
}

static void test_services(void **state)
{
        Answer answer = http_get(*state, "/services");

        assert_int_equal(answer.status, 200);
        assert_true(startswith(answer.body,
                               "{\"services\":[{\"name\":\"docker\",\"active\":true,\"state\":\"active\","));
        assert_non_null(strstr(answer.body, "{\"name\":\"ssh\",\"active\":false,\"state\":\"failed\","));
        assert_non_null(strstr(answer.body, "{\"name\":\"gone\",\"active\":false,\"state\":\"not-found\","));
}

static void test_metrics(void **state)
{
        Answer answer = http_get(*state, "/metrics");

        assert_answer(answer, 200, "\ndevbox_collector_up 1\n");
        assert_answer(answer, 200,
                      "\ndevbox_unit_state{name=\"ssh.service\",type=\"service\",state=\"failed\"} 1\n");
        assert_answer(answer, 200, "\ndevbox_memory_total_bytes ");
        assert_non_null(strstr(answer.headers, "Content-Type: text/plain; version=0.0.4; charset=utf-8"));
}

static void test_openapi(void **state)
{
        assert_answer(http_get(*state, "/openapi.json"), 200, "\"openapi\":\"3.1.0\"");
}

static void test_errors(void **state)
{
        assert_answer(http_get(*state, "/"), 404, "{\"error\":{\"code\":\"not_found\",\"message\":\"");
        assert_answer(http_ask(*state, "PUT /health", NULL), 405, "method_not_allowed");
        assert_answer(http_ask(*state, "GET /actions/restart", NULL), 405, "method_not_allowed");
}

/* As a proxy would send them; the rest of the syntax is in tests/http. */
static void test_absolute_form(void **state)
{
        assert_answer(http_ask(*state, "GET http://127.0.0.1:8080/health", NULL), 200, "\"status\":\"ok\"");
        assert_answer(http_ask(*state, "GET http://evil.example/health", NULL), 421, "host_not_allowed");
}

static void test_unix_socket(void **state)
{
        _cleanup_(fd_closep) int fd = http_connect_unix(*state);

        http_send(fd, "GET /services", NULL);
        assert_answer(http_receive(fd), 200, "docker");
}

static void test_introspection(void **state)
{
        const World *world = *state;

        assert_introspects(world->bus, API, "org.devbox.Component1");
}

static void test_collector_missing(void **state)
{
        World *world = *state;

        world_configure(world, AUTH SERVICES "api: { cache_ttl_ms: 0 }\n");
        assert_answer(http_get(world, "/system"), 503, "\"collector_unavailable\"");
        assert_answer(http_get(world, "/services"), 503, "\"collector_unavailable\"");
        assert_answer(http_get(world, "/health"), 200, "ok");

        Answer metrics = http_get(world, "/metrics");
        assert_answer(metrics, 200, "\ndevbox_collector_up 0\n");
        assert_null(strstr(metrics.body, "devbox_memory"));
        assert_null(strstr(metrics.body, "devbox_unit"));
        test_bus_wait_log(world->bus, API, "No answer from devbox-collector");

        world_start_collector(world);
        assert_answer(http_get(world, "/services"), 200, "docker");
        test_bus_wait_log(world->bus, API, "devbox-collector answers again");
}

/* The owner of the name does not reply. */
static void test_collector_silent(void **state)
{
        World *world = *state;
        sd_bus *silent = test_bus_connect(world->bus);

        assert_ok(sd_bus_request_name(silent, COLLECTOR, 0));
        world_start_api(world);
        assert_answer(http_get(world, "/system"), 503, "\"collector_timeout\"");
        sd_bus_flush_close_unref(silent);
}

static void test_systemd_missing(void **state)
{
        World *world = *state;

        fake_fail(world->bus, "ListUnitsByNames", "org.freedesktop.DBus.Error.NoReply");
        assert_answer(http_get(world, "/services"), 503, "\"systemd_unavailable\"");
        assert_answer(http_get(world, "/metrics"), 200,
                      "\ndevbox_collector_success{collector=\"services\"} 0\n");
}

/* Whatever the load: one call to the collector, and one of it to systemd. */
static void test_stampede(void **state)
{
        World *world = *state;
        int fds[64];

        world_configure(world, AUTH SERVICES "api: { cache_ttl_ms: 60000 }\n");
        uint64_t lists = fake_calls(world->bus, "ListUnitsByNames");
        fake_hold(world->bus, "ListUnitsByNames");
        for (size_t i = 0; i < ELEMENTSOF(fds); i++) {
                fds[i] = http_connect(world);
                http_send(fds[i], "GET /services", NULL);
        }
        while (test_metric(world->bus->client, API, "requests_waiting") < (double) ELEMENTSOF(fds))
                ;
        fake_release(world->bus, "ListUnitsByNames");
        for (size_t i = 0; i < ELEMENTSOF(fds); i++) {
                assert_answer(http_receive(fds[i]), 200, "docker");
                close(fds[i]);
        }
        for (int i = 0; i < 10; i++)
                assert_answer(http_get(world, "/services"), 200, "docker");

        assert_int_equal(test_metric(world->bus->client, API, "dbus_calls_total"), 1);
        assert_int_equal(test_metric(world->bus->client, API, "cache_misses_total"), 1);
        assert_int_equal(test_metric(world->bus->client, API, "cache_hits_total"), 10);
        assert_int_equal(fake_calls(world->bus, "ListUnitsByNames") - lists, 1);
}

static int ignore_reply(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        return 0;
}

/* Others fill every place where calls wait for the collector, however many connections that takes: the api
 * is still served. Returns false if this machine was slower than the collector waits for systemd. */
static bool flood_and_ask(const World *world)
{
        _cleanup_(fd_closep) int fd = http_connect(world);
        double served = test_metric(world->bus->client, API, "dbus_calls_total");
        usec_t late = deadline_after(USEC_PER_SEC);
        sd_bus *clients[4];

        fake_hold(world->bus, "ListUnitsByNames");
        for (size_t i = 0; i < ELEMENTSOF(clients); i++) {
                clients[i] = test_bus_connect(world->bus);
                for (int n = 0; n < 40; n++)
                        test_call_async(clients[i], COLLECTOR, COLLECTOR ".GetUnits", ignore_reply, NULL);
                (void) test_metric(clients[i], COLLECTOR, "waiting_calls"); /* so they have arrived */
        }
        double n_waiting = test_metric(world->bus->client, COLLECTOR, "waiting_calls");

        http_send(fd, "GET /services", NULL);
        while (test_metric(world->bus->client, API, "dbus_calls_total") <= served)
                ;
        fake_release(world->bus, "ListUnitsByNames");
        Answer answer = http_receive(fd);
        for (size_t i = 0; i < ELEMENTSOF(clients); i++)
                sd_bus_flush_close_unref(clients[i]);
        if (deadline_left(late) == 0)
                return false;

        assert_int_equal(n_waiting, 64);
        assert_answer(answer, 200, "docker");
        return true;
}

static void test_flooded_collector(void **state)
{
        World *world = *state;

        while (!flood_and_ask(world))
                world_start_api(world); /* it may have the answer in its cache */
        world_start_api(world);         /* another one is known as well */
        while (!flood_and_ask(world))
                world_start_api(world); /* it may have the answer in its cache */
}

/* Kept for a minute, and yet a change is visible immediately. */
static void test_change_drops(void **state)
{
        World *world = *state;

        world_configure(world, AUTH SERVICES "api: { cache_ttl_ms: 60000 }\n");
        assert_answer(http_get(world, "/services"), 200, "{\"name\":\"docker\",\"active\":true");
        while (fake_subscribers(world->bus) == 0)
                ;
        fake_set_unit(
                world->bus,
                &(FakeUnit){ .id = "docker.service", .active_state = "inactive", .sub_state = "dead" });
        http_wait_body(world, "/services", "{\"name\":\"docker\",\"active\":false");
}

/* The reply to this call follows every signal that the daemons sent before. */
static void settle(const World *world)
{
        (void) test_metric(world->bus->client, COLLECTOR, "calls_total");
        (void) test_metric(world->bus->client, API, "requests_total");
}

/* Without the collector changes are not reported, so nothing that depends on its signals is kept. */
static void test_the_end_of_the_collector_drops(void **state)
{
        World *world = *state;

        world_configure(world, AUTH SERVICES "api: { cache_ttl_ms: 60000 }\n");
        assert_answer(http_get(world, "/services"), 200, "{\"name\":\"docker\",\"active\":true");
        assert_answer(http_get(world, "/metrics"), 200,
                      "name=\"docker.service\",type=\"service\",state=\"active\"} 1");
        assert_int_equal(test_daemon_stop(world->collector), 0);
        world->collector = test_daemon_free(world->collector);
        fake_set_unit(
                world->bus,
                &(FakeUnit){ .id = "docker.service", .active_state = "inactive", .sub_state = "dead" });
        world_start_collector(world);
        settle(world);
        assert_answer(http_get(world, "/services"), 200, "{\"name\":\"docker\",\"active\":false");
        assert_answer(http_get(world, "/metrics"), 200,
                      "name=\"docker.service\",type=\"service\",state=\"active\"} 0");
}

static void test_a_reload_of_the_collector_drops(void **state)
{
        World *world = *state;

        world_configure(world, AUTH SERVICES "api: { cache_ttl_ms: 60000 }\n");
        assert_answer(http_get(world, "/services"), 200, "{\"services\":[{\"name\":\"docker\"");
        assert_answer(http_get(world, "/system"), 200, "\"path\":\"/\"");

        test_bus_write_config(world->bus, "services: [ssh]\ncollector: { disks: [/proc] }\n");
        test_daemon_signal(world->collector, SIGHUP);
        test_bus_wait_log(world->bus, COLLECTOR, "The configuration was read again");
        settle(world);
        assert_answer(http_get(world, "/services"), 200, "{\"services\":[{\"name\":\"ssh\"");
        assert_null(strstr(http_get(world, "/system").body, "\"path\":\"/\""));
}

static void test_bus_gone(void **state)
{
        World *world = *state;

        world_configure(world, AUTH SERVICES "api: { cache_ttl_ms: 0 }\n");
        assert_answer(http_get(world, "/services"), 200, "docker");
        assert_ok(kill(world->bus->pid, SIGKILL));
        http_wait_body(world, "/services", "\"bus_unavailable\"");
        assert_answer(http_get(world, "/health"), 200, "ok");
        assert_answer(http_get(world, "/metrics"), 200, "\ndevbox_collector_up 0\n");
        assert_answer(http_ask(world, "POST /actions/run-tests", TOKEN), 503, "\"bus_unavailable\"");
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                world_test(test_health),
                world_test(test_system),
                world_test(test_services),
                world_test(test_metrics),
                world_test(test_openapi),
                world_test(test_errors),
                world_test(test_absolute_form),
                world_test(test_unix_socket),
                world_test(test_introspection),
                world_test_bare(test_collector_missing),
                world_test_bare(test_collector_silent),
                world_test(test_systemd_missing),
                world_test(test_stampede),
                world_test(test_flooded_collector),
                world_test(test_change_drops),
                world_test(test_the_end_of_the_collector_drops),
                world_test(test_a_reload_of_the_collector_drops),
                world_test(test_bus_gone),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
