/* SPDX-License-Identifier: MIT */
#pragma once

/* A server and raw clients over loopback, on one event loop. */

#include "http/request.h"
#include "http/server.h"
#include "http/stream.h"
#include "test.h"

#define BIG_SIZE       ((size_t) 8 * 1024 * 1024)
#define WORLD_BODY_MAX 5000 /* of POST /body: more than the default for all requests */

#define WORLD_SCOPE (1 << 1) /* of GET /now */

typedef struct World {
        sd_event *event;
        HttpServer *server;
        HttpListener *listener;
        int listen_fd;             /* kept beside the server, as systemd does */
        HttpRequest *held[8];      /* of GET /later, without a response yet */
        HttpRequest *streamed;     /* of GET /stream */
        const char *const *pieces; /* what it sends: NULL at the end, "" waits, "!" fails */
        bool endless;              /* sends `big` instead, again and again */
        size_t n_produced, n_ended;
        int stream_result;
        size_t n_held, n_handled, n_responses;
        unsigned last_status;
        const HttpRoute *last_route;
        bool drained, reject; /* reject: admit no POST */
        bool may_pause;       /* of the listener, from world_restart() on */
        char *big;            /* body of GET /big: more than the kernel buffers */
} World;

extern const HttpRoute world_routes[];

/* The server has the default limits; world_restart() replaces it. */
int world_up(void **state);
int world_down(void **state);
void world_restart(World *world, const HttpLimits *limits, size_t max_connections);

void world_respond(HttpRequest *request, const char *text);

int world_listen_socket(void);
int world_connect(World *world);
int world_connect_buffer(World *world, int receive_bytes); /* SO_RCVBUF; 0: the default */
void world_send(int fd, const char *text);

/* Runs the loop until all pending events are processed. */
void world_spin(World *world);

/* Runs the loop until the condition holds; for far longer than any limit used here. */
#define WORLD_DEADLINE_USEC (60 * USEC_PER_SEC)
#define RUN_UNTIL(world, condition)                                                                         \
        for (usec_t _end = deadline_after(WORLD_DEADLINE_USEC); !(condition);) {                            \
                assert_true(deadline_left(_end) > 0);                                                       \
                assert_ok(sd_event_run((world)->event, 1000));                                              \
        }

/* What the server sends until it closes the connection, or until it has sent `needle`. Valid until the next
 * such call. */
const char *world_read_to_end(World *world, int fd);
const char *world_read_until(World *world, int fd, const char *needle);

/* One request on its own connection. */
const char *world_request(World *world, const char *request);

size_t count_text(const char *text, const char *needle);

#define END       "Connection: close\r\n\r\n"
#define HOST      "Host: localhost\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\n" HOST
