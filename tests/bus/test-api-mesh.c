/* SPDX-License-Identifier: MIT */
/* The mesh over HTTP: who may ask what on which listener, and what becomes of devbox-mesh's replies. */

#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api-world.h"
#include "basic/fd.h"

#define MESH         "org.devbox.Mesh1"
#define MESH_PROGRAM "tests/bus/fake-mesh"
#define HOST         "Host: 127.0.0.1\r\n"
#define TOKEN_HEADER "X-Devbox-Token: " TOKEN "\r\n"

/* 512 bytes, and one more. */
#define FILL_64  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define FILL_512 FILL_64 FILL_64 FILL_64 FILL_64 FILL_64 FILL_64 FILL_64 FILL_64

typedef enum From { LOCAL, UNIX, DEVICE, INVITED } From;

static int mesh_up(void **state)
{
        int r = world_up_bare(state);
        World *world = *state;

        world_listen_for_devices(world);
        world_start_api(world);
        world->mesh = test_daemon_start(world->bus, MESH_PROGRAM, MESH);
        return r;
}

static int connect_from(const World *world, From from)
{
        switch (from) {
        case UNIX:
                return http_connect_unix(world);
        case DEVICE:
                return http_connect_mesh(world, LISTENING_MESH, WORLD_DEVICE);
        case INVITED:
                return http_connect_mesh(world, LISTENING_BOOTSTRAP, WORLD_INVITED);
        default:
                return http_connect(world);
        }
}

/* A request with the headers and, where it is not NULL, a body. */
static Answer ask(const World *world, From from, const char *what, const char *headers, const char *body)
{
        _cleanup_(fd_closep) int fd = connect_from(world, from);
        char request[2048];

        int size =
                snprintf(request, sizeof request, "%s HTTP/1.1\r\n" HOST "%sContent-Length: %zu\r\n\r\n%s",
                         what, strempty(headers), strlen(strempty(body)), strempty(body));
        assert_true(size > 0 && (size_t) size < sizeof request);
        assert_int_equal(send(fd, request, (size_t) size, MSG_NOSIGNAL), size);
        return http_receive(fd);
}

static void test_access(void **state)
{
        static const struct {
                From from;
                const char *what, *headers;
                int status;
                const char *body;
        } rows[] = {
                { LOCAL, "GET /health", NULL, 200, "\"status\":\"ok\"" },
                { LOCAL, "GET /healthz", NULL, 200, "\"status\":\"ok\"" },
                { LOCAL, "GET /mesh", NULL, 401, "token_required" },
                { LOCAL, "GET /mesh", TOKEN_HEADER, 200, "\"role\":\"hub\"" },
                { LOCAL, "GET /mesh", "X-Devbox-Token: another\r\n", 401, "token_invalid" },
                { LOCAL, "GET /mesh/peers", NULL, 401, "token_required" },
                { LOCAL, "GET /mesh/peers", TOKEN_HEADER, 200, "home-wsl" },
                { LOCAL, "POST /mesh/peers/home-wsl/revoke", NULL, 401, "token_required" },
                { LOCAL, "POST /mesh/peers/home-wsl/revoke", TOKEN_HEADER, 200, "{\"elapsed_usec\":4100}" },
                { LOCAL, "POST /mesh/peers/home-wsl/revoke", TOKEN_HEADER "Origin: http://evil.example\r\n",
                  403, "origin_not_allowed" },
                { UNIX, "GET /mesh", NULL, 200, "\"role\":\"hub\"" },
                { UNIX, "GET /mesh/peers", NULL, 200, "home-wsl" },
                { UNIX, "POST /mesh/peers/home-wsl/revoke", NULL, 200, "4100" },
                { UNIX, "POST /actions/restart", NULL, 401, "token_required" },
                { LOCAL, "GET /devices", NULL, 401, "token_required" },
                { LOCAL, "GET /devices", TOKEN_HEADER, 200, "home-wsl" },
                { LOCAL, "GET /devices/home-wsl", NULL, 401, "token_required" },
                { LOCAL, "GET /containers", NULL, 401, "token_required" },
                { LOCAL, "GET /containers", TOKEN_HEADER, 200, "busybox" },
                { LOCAL, "GET /requests", NULL, 401, "token_required" },
                { LOCAL, "GET /requests", TOKEN_HEADER, 200, "finished" },
                { LOCAL, "GET /approvals", NULL, 401, "token_required" },
                { LOCAL, "GET /approvals", TOKEN_HEADER, 200, "approving" },
                { LOCAL, "POST /approvals/7KQ2PD/approve", NULL, 401, "token_required" },
                { UNIX, "POST /approvals/7KQ2PD/approve", NULL, 401, "token_required" },
                { UNIX, "POST /approvals/7KQ2PD/deny", NULL, 401, "token_required" },
                { LOCAL, "POST /approvals/7KQ2PD/approve", TOKEN_HEADER, 200, "{\"status\":\"approved\"}" },
                { LOCAL, "POST /approvals/7KQ2PD/deny", TOKEN_HEADER, 200, "{\"status\":\"denied\"}" },
                { LOCAL, "POST /approvals/7KQ2PX/approve", TOKEN_HEADER, 404, "request_unknown" },
                { LOCAL, "POST /approvals/home-wsl/approve", TOKEN_HEADER, 404, "request_unknown" },
                { LOCAL, "POST /approvals/7KQ2PD/approve", TOKEN_HEADER "Origin: http://evil.example\r\n",
                  403, "origin_not_allowed" },
                { DEVICE, "POST /approvals/7KQ2PD/approve", TOKEN_HEADER, 404, "not_found" },
                { LOCAL, "GET /audit", NULL, 401, "token_required" },
                { LOCAL, "GET /audit", TOKEN_HEADER, 200, "{\"entries\":[{\"seq\":0," },
                { DEVICE, "GET /devices", TOKEN_HEADER, 404, "not_found" },
                { DEVICE, "GET /devices/home-wsl", TOKEN_HEADER, 404, "not_found" },
                { DEVICE, "GET /containers", TOKEN_HEADER, 404, "not_found" },
                { DEVICE, "GET /requests", TOKEN_HEADER, 404, "not_found" },
                { DEVICE, "GET /approvals", TOKEN_HEADER, 404, "not_found" },
                { DEVICE, "GET /audit", TOKEN_HEADER, 404, "not_found" },
                { DEVICE, "GET /health", NULL, 200, "\"status\":\"ok\"" },
                { DEVICE, "GET /healthz", NULL, 200, "\"status\":\"ok\"" },
                { DEVICE, "GET /system", NULL, 404, "not_found" },
                { DEVICE, "GET /metrics", NULL, 404, "not_found" },
                { DEVICE, "GET /openapi.json", NULL, 404, "not_found" },
                { DEVICE, "GET /mesh", TOKEN_HEADER, 404, "not_found" },
                { DEVICE, "POST /mesh/peers/home-wsl/revoke", TOKEN_HEADER, 404, "not_found" },
                { DEVICE, "POST /actions/restart", TOKEN_HEADER, 404, "not_found" },
                { DEVICE, "POST /enroll", NULL, 404, "not_found" },
                { INVITED, "GET /health", NULL, 404, "not_found" },
                { INVITED, "GET /mesh/peers", TOKEN_HEADER, 404, "not_found" },
                { INVITED, "GET /enroll", NULL, 405, "method_not_allowed" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                print_message("%u %s\n", rows[i].from, rows[i].what);
                assert_answer(ask(*state, rows[i].from, rows[i].what, rows[i].headers, NULL), rows[i].status,
                              rows[i].body);
        }
}

/* A device at the door of those who are invited, and the reverse. */
static void test_sources(void **state)
{
        static const struct {
                Listening listening;
                const char *source;
        } rows[] = {
                { LISTENING_MESH, WORLD_INVITED },
                { LISTENING_MESH, "127.0.0.1" },
                { LISTENING_BOOTSTRAP, WORLD_DEVICE },
        };
        char byte;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(fd_closep) int fd = http_connect_mesh(*state, rows[i].listening, rows[i].source);

                print_message("%s\n", rows[i].source);
                ssize_t n = TEMP_FAILURE_RETRY(recv(fd, &byte, 1, 0));
                assert_true(n == 0 || (n < 0 && errno == ECONNRESET));
        }
}

static void test_host(void **state)
{
        _cleanup_(fd_closep) int fd = connect_from(*state, DEVICE);

        http_send(fd, "GET /health", NULL); /* Host: localhost */
        assert_answer(http_receive(fd), 421, "host_not_allowed");
}

static void test_json(void **state)
{
        assert_string_equal(ask(*state, UNIX, "GET /mesh", NULL, NULL).body,
                            "{\"role\":\"hub\",\"listen_port\":51820,"
                            "\"endpoints\":[\"vps.example.org:51820\"],\"last_handshake_at\":null,"
                            "\"wireguard_key\":\"AQIDAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"}");
        assert_string_equal(ask(*state, UNIX, "GET /mesh/peers", NULL, NULL).body,
                            "{\"peers\":[{\"name\":\"home-wsl\",\"rx_bytes\":18446744073709551615,"
                            "\"last_handshake_at\":\"2023-11-14T22:13:20.123Z\"},{\"name\":\"pc-aurgi\"}]}");
}

static void test_hub_views(void **state)
{
        static const struct {
                const char *what;
                int status;
                const char *body;
        } rows[] = {
                { "GET /devices", 200, "{\"devices\":[{\"name\":\"home-wsl\",\"approving\":1}]}" },
                { "GET /devices/home-wsl", 200, "{\"name\":\"home-wsl\",\"witnessed_entries\":7}" },
                { "GET /devices/nobody", 404, "peer_unknown" },
                { "GET /devices/Not-a-name", 404, "peer_unknown" },
                { "GET /containers", 200,
                  "{\"devices\":[{\"device\":\"home-wsl\",\"as_of\":\"2023-11-14T22:13:20.123Z\","
                  "\"truncated\":false,\"containers\":[{\"name\":\"web\",\"image\":\"busybox\"}]}]}" },
                { "GET /requests", 200,
                  "{\"requests\":[{\"id\":\"01JDMXV3Q2TTTTTTTTTTTTTTTT\",\"state\":\"finished\","
                  "\"created_at\":\"2023-11-14T22:13:20.123Z\",\"exit_code\":0,\"exit_signal\":null}]}" },
                { "GET /approvals", 200,
                  "{\"requests\":[{\"id\":\"01JDMXV3Q2TTTTTTTTTTTTTTTT\",\"description\":\"fs.list /srv\","
                  "\"arguments\":\"{\\\"root\\\":\\\"srv\\\"}\",\"state\":\"approving\"}]}" },
                { "GET /audit?device=home-wsl", 200, "{\"entries\":[]}" },
                { "GET /audit?from=41", 200, "{\"entries\":[{\"seq\":41," },
                { "GET /audit?from=41", 200, "\"body\":\"{}\"}\n,{\"seq\":42," },
                { "GET /audit?device=nosuch", 404, "peer_unknown" },
                { "GET /audit?device=Not-a-name", 400, "bad_request" },
                { "GET /audit?device=a&device=b", 400, "bad_request" },
                { "GET /audit?from=-1", 400, "bad_request" },
                { "GET /audit?from=", 400, "bad_request" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                print_message("%s\n", rows[i].what);
                assert_answer(ask(*state, UNIX, rows[i].what, NULL, NULL), rows[i].status, rows[i].body);
        }
}

static void test_revoke(void **state)
{
        static const struct {
                const char *name;
                int status;
                const char *body;
        } rows[] = {
                { "home-wsl", 200, "4100" },           { "nobody", 404, "peer_unknown" },
                { "Not-a-name", 404, "peer_unknown" }, { "..", 404, "peer_unknown" },
                { "%68ome-wsl", 404, "peer_unknown" }, { "odd", 500, "internal_error" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                char what[128];

                (void) snprintf(what, sizeof what, "POST /mesh/peers/%s/revoke", rows[i].name);
                print_message("%s\n", what);
                assert_answer(ask(*state, UNIX, what, NULL, NULL), rows[i].status, rows[i].body);
        }
}

static void test_enroll(void **state)
{
        static const struct {
                From from;
                const char *claim;
                int status;
                const char *body;
        } rows[] = {
                { INVITED, "claim", 200, "5 bytes from " WORLD_INVITED },
                { LOCAL, "claim", 200, "5 bytes from 127.0.0.1" },
                { UNIX, "claim", 200, "5 bytes from " },
                { INVITED, FILL_512, 200, "512 bytes" },
                { INVITED, FILL_512 "0", 413, "body_too_large" },
                { INVITED, "", 400, "bad_request" },
                { INVITED, "TokenExpired", 401, "\"token_expired\"" },
                { INVITED, "TokenUsed", 409, "\"token_used\"" },
                { INVITED, "Unauthorized", 401, "\"unauthorized\"" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                assert_answer(ask(*state, rows[i].from, "POST /enroll", NULL, rows[i].claim), rows[i].status,
                              rows[i].body);
}

/* What is above the limit does not reach devbox-mesh, and later claims do. */
static void test_enroll_limit(void **state)
{
        const World *world = *state;
        bool busy = false;

        while (!busy) {
                Answer answer = ask(world, INVITED, "POST /enroll", NULL, "claim");

                busy = answer.status == 503 && strstr(answer.body, "\"busy\"");
        }
        while (ask(world, INVITED, "POST /enroll", NULL, "claim").status != 200)
                ;
}

static bool is_healthy(const World *world)
{
        int healthy = false;

        assert_ok(sd_bus_get_property_trivial(world->bus->client, API, "/org/devbox/Api1",
                                              "org.devbox.Component1", "Healthy", NULL, 'b', &healthy));
        return healthy;
}

static void test_mesh_gone(void **state)
{
        World *world = *state;

        world_start_collector(world);
        assert_answer(ask(world, LOCAL, "GET /system", NULL, NULL), 200, "uptime");
        assert_true(is_healthy(world));

        world->mesh = test_daemon_free(world->mesh);
        assert_answer(ask(world, UNIX, "GET /mesh", NULL, NULL), 503, "\"mesh_unavailable\"");
        assert_answer(ask(world, UNIX, "GET /requests", NULL, NULL), 503, "\"dispatch_unavailable\"");
        assert_answer(ask(world, UNIX, "GET /audit", NULL, NULL), 503, "\"audit_unavailable\"");
        assert_answer(ask(world, INVITED, "POST /enroll", NULL, "claim"), 503, "\"mesh_unavailable\"");
        assert_answer(ask(world, DEVICE, "GET /healthz", NULL, NULL), 200, "ok");
        test_bus_wait_log(world->bus, API, "No answer from devbox-mesh");
        assert_false(is_healthy(world));

        world->mesh = test_daemon_start(world->bus, MESH_PROGRAM, MESH);
        assert_answer(ask(world, UNIX, "GET /mesh", NULL, NULL), 200, "hub");
        test_bus_wait_log(world->bus, API, "devbox-mesh answers again");
        assert_true(is_healthy(world));
}

static void test_counted(void **state)
{
        (void) ask(*state, LOCAL, "GET /mesh", NULL, NULL);
        (void) ask(*state, UNIX, "POST /mesh/peers/home-wsl/revoke", NULL, NULL);
        (void) ask(*state, UNIX, "POST /mesh/peers/nobody/revoke", NULL, NULL);

        Answer metrics = ask(*state, LOCAL, "GET /metrics", NULL, NULL);
        assert_answer(metrics, 200, "devbox_actions_total{action=\"read-mesh\",outcome=\"denied\"} 1");
        assert_answer(metrics, 200, "devbox_actions_total{action=\"revoke-peer\",outcome=\"accepted\"} 1");
        assert_answer(metrics, 200, "devbox_actions_total{action=\"revoke-peer\",outcome=\"failed\"} 1");
}

/* A scrape neither starts nor needs it. */
static void test_metrics(void **state)
{
        static const char line[] = "\ndevbox_mesh_peer_presence{peer=\"home-wsl\",presence=\"online\"} 1\n";
        World *world = *state;

        test_bus_write_config(world->bus, "api:\n  cache_ttl_ms: 0\n");
        test_daemon_signal(world->api, SIGHUP);
        test_bus_wait_log(world->bus, API, "The configuration was read again");
        assert_answer(ask(world, LOCAL, "GET /metrics", NULL, NULL), 200, line);
        assert_answer(ask(world, LOCAL, "GET /metrics", NULL, NULL), 200,
                      "\ndevbox_dispatch_request_duration_seconds_bucket{le=\"+Inf\"} 4\n");
        assert_answer(ask(world, LOCAL, "GET /metrics", NULL, NULL), 200,
                      "\ndevbox_matrix_events_unsent 2\n");

        world->mesh = test_daemon_free(world->mesh);
        test_bus_wait_owner(world->bus, MESH, false);
        Answer metrics = ask(world, LOCAL, "GET /metrics", NULL, NULL);
        assert_answer(metrics, 200, "\ndevbox_http_connections 1\n");
        assert_null(strstr(metrics.body, "devbox_mesh"));
        assert_null(strstr(metrics.body, "devbox_dispatch"));
        _cleanup_(freep) char *log = test_bus_read_log(world->bus, API);
        assert_null(strstr(log, "No answer from devbox-mesh"));
        assert_null(strstr(log, "No answer from devbox-dispatch"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, mesh_up, world_down)
        static const struct CMUnitTest tests[] = {
                TEST(test_access),    TEST(test_sources), TEST(test_host),    TEST(test_json),
                TEST(test_hub_views), TEST(test_revoke),  TEST(test_enroll),  TEST(test_enroll_limit),
                TEST(test_mesh_gone), TEST(test_counted), TEST(test_metrics),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
