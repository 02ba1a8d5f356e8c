/* SPDX-License-Identifier: MIT */
#pragma once

/* A server and the clients that the test plays itself, over loopback, on one loop. */

#include "http/server.h"
#include "test.h"

#define BIG_SIZE ((size_t) 8 * 1024 * 1024)

typedef struct World {
        sd_event *event;
        HttpServer *server;
        HttpListener *listener;
        int listen_fd;        /* kept beside the server, as systemd does */
        HttpRequest *held[8]; /* what GET /later left unanswered */
        size_t n_held, n_handled, n_answered;
        unsigned last_status;
        const HttpRoute *last_route;
        bool drained, refuse; /* refuse: no POST is admitted */
        char *big;            /* what GET /big answers: more than the kernel buffers */
} World;

extern const HttpRoute world_routes[];

/* The server has the default limits; world_restart() begins anew with others. */
int world_up(void **state);
int world_down(void **state);
void world_restart(World *world, const HttpLimits *limits, size_t max_connections);

void world_answer(HttpRequest *request, const char *text);

int world_listen_socket(void);
int world_connect(World *world);
void world_send(int fd, const char *text);

/* Lets pass whatever is under way. */
void world_spin(World *world);

/* Runs the loop until the condition holds; far longer than any limit used here, so that only a hang fails.
 */
#define RUN_UNTIL(world, condition)                                                                         \
        for (int _i = 0; !(condition); _i++) {                                                              \
                assert_true(_i < 30000);                                                                    \
                assert_ok(sd_event_run((world)->event, 1000));                                              \
        }

/* What the server sends until it closes the connection, or until the text is in it. Good until the next such
 * call. */
const char *world_read_to_end(World *world, int fd);
const char *world_read_until(World *world, int fd, const char *needle);

/* One request on a connection of its own. */
const char *world_ask(World *world, const char *request);

size_t count_text(const char *text, const char *needle);

#define END       "Connection: close\r\n\r\n"
#define HOST      "Host: localhost\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\n" HOST
