/* SPDX-License-Identifier: MIT */
#pragma once

/* The world of the api's tests: a bus, the fake systemd1, a real devbox-collector, a real devbox-api on
 * sockets that the test keeps, as systemd does; and a client for them. */

#include "fake.h"
#include "harness.h"

#define API               "org.devbox.Api1"
#define API_PROGRAM       "src/api/devbox-api"
#define COLLECTOR         "org.devbox.Collector1"
#define COLLECTOR_PROGRAM "src/collector/devbox-collector"
#define SELFTEST          "devbox-selftest.service"
#define TOKEN             "a-token-for-tests"
#define AUTH              "auth: { token: " TOKEN " }\n"
#define SERVICES          "services: [docker, ssh, gone]\n"

/* The addresses that may connect to the sockets for other machines. */
#define WORLD_DEVICE  "127.0.1.1"
#define WORLD_INVITED "127.0.2.1"

typedef enum Listening {
        LISTENING_TCP,
        LISTENING_UNIX,
        LISTENING_MESH,
        LISTENING_BOOTSTRAP,
        _LISTENING_MAX
} Listening;

typedef struct World {
        TestBus *bus;
        TestDaemon *systemd, *collector, *mesh, *api;
        int fds[_LISTENING_MAX]; /* listening */
        size_t n_fds;
} World;

/* cmocka fixtures. The first starts everything, with AUTH and SERVICES; the second no collector and no api.
 */
int world_up(void **state);
int world_up_bare(void **state);
int world_down(void **state);

#define world_test(function)      cmocka_unit_test_setup_teardown(function, world_up, world_down)
#define world_test_bare(function) cmocka_unit_test_setup_teardown(function, world_up_bare, world_down)

/* With the sockets of a hub as well. Before world_start_api(). */
void world_listen_for_devices(World *world);
void world_start_api(World *world);
void world_start_collector(World *world);

/* devbox-selftest.service is installed, and its socket listens where the api looks for it. */
void world_listen_for_selftest(const World *world);

/* Restarts the api with this configuration. */
void world_configure(World *world, const char *yaml);

/* An answer, in static memory of the client: good until the next. */
typedef struct Answer {
        int status;
        const char *headers, *body;
} Answer;

/* Connections are the caller's. http_send() sends "METHOD PATH" with Host and, if not NULL, the token. */
int http_connect(const World *world);
int http_connect_unix(const World *world);
int http_connect_mesh(const World *world, Listening listening, const char *source);
void http_send(int fd, const char *what, const char *token);
Answer http_receive(int fd);

/* One request on a connection of its own. */
Answer http_ask(const World *world, const char *what, const char *token);
Answer http_get(const World *world, const char *path);

/* Asks again until the answer is so. */
void http_wait_status(const World *world, const char *path, int status);
void http_wait_body(const World *world, const char *path, const char *text);

#define assert_answer(answer, wanted_status, wanted_body)                                                   \
        ({                                                                                                  \
                Answer _answer = (answer);                                                                  \
                if (_answer.status != (wanted_status) || !strstr(_answer.body, (wanted_body)))              \
                        fail_msg("%s: got %d %s, wanted %d %s", #answer, _answer.status, _answer.body,      \
                                 (wanted_status), (wanted_body));                                           \
        })
