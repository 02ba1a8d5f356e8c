/* SPDX-License-Identifier: MIT */
#pragma once

/* An HTTP/1.1 server on the loop of its owner: libmicrohttpd parses and sends, this accepts, limits, guards
 * and routes.
 *
 * Nothing a client does can block it, make it grow or keep others out: connections are limited per listening
 * socket; request, answer and rest between requests have their deadlines; headers and bodies their sizes.
 * Requests with a body must say how long it is (411); bodies are read and dropped, no route takes one yet.
 * What cannot be parsed at all (a bad request line, too large headers) is answered by libmicrohttpd itself:
 * 400, 414 or 431 with a short HTML text. A head that fits and leaves no room for the answer, some 200 bytes
 * before that, makes it close the connection without one: it has no way to answer there. */

#include <systemd/sd-event.h>

#include "basic/time.h"
#include "http/request.h"
#include "http/route.h"

typedef struct HttpServer HttpServer;
typedef struct HttpListener HttpListener;

typedef struct HttpLimits {
        usec_t request_usec;  /* from the connection, later the request line, to the end of the body */
        usec_t answer_usec;   /* from its first to its last byte: slow readers */
        usec_t idle_usec;     /* between two requests on a connection */
        usec_t hangup_usec;   /* until a client is noticed that hung up before it was answered */
        usec_t at_limit_usec; /* the most of these, and of all requests on a connection together, while all
                                of a listener's connections are taken */
        usec_t drain_usec;    /* what is left of all these when the server goes */
        size_t connection_bytes; /* memory for one connection: its headers, 64 more for each, the answer's
                                    head */
        uint64_t body_bytes;
} HttpLimits;

#define HTTP_LIMITS_DEFAULT                                                                                 \
        ((HttpLimits){ .request_usec = 10 * USEC_PER_SEC,                                                   \
                       .answer_usec = 30 * USEC_PER_SEC,                                                    \
                       .idle_usec = 60 * USEC_PER_SEC,                                                      \
                       .hangup_usec = 1 * USEC_PER_SEC,                                                     \
                       .at_limit_usec = 1 * USEC_PER_SEC,                                                   \
                       .drain_usec = 250 * USEC_PER_MSEC,                                                   \
                       .connection_bytes = 16 * 1024,                                                       \
                       .body_bytes = 4 * 1024 })

typedef struct HttpHandlers {
        /* Asked before each handler, once the request is complete; false: it has answered the request
         * itself. */
        bool (*admit)(HttpRequest *request, const HttpRoute *route, void *owner);
        void (*on_answer)(const HttpRoute *route, unsigned status,
                          void *owner); /* route NULL: none matched */
        void (*on_drained)(void *owner);
} HttpHandlers;

typedef struct HttpStats {
        uint64_t connections_total;
        uint64_t cut_total;       /* connections closed for their slowness */
        uint64_t at_limit_total;  /* times all of a listener's connections were taken */
        uint64_t malformed_total; /* requests that libmicrohttpd refused */
        size_t n_connections;
} HttpStats;

/* `routes` is a table as in route.h and, like `owner`, must outlive the server; `handlers` and `limits` are
 * copied. */
int http_server_new(sd_event *event, const HttpRoute *routes, const HttpHandlers *handlers,
                    const HttpLimits *limits, HttpServer **ret_server);

/* Ends all connections. Requests not yet answered are gone: do not touch them any more. */
HttpServer *http_server_free(HttpServer *server);
DEFINE_CLEANUP(HttpServer, http_server_free);

void http_server_set_owner(HttpServer *server, void *owner);

/* Answers to addresses other than loopback's: see http/guard.h. */
void http_server_set_exposed(HttpServer *server, bool exposed);

/* Accepts connections from a listening socket, at most so many at once: the others wait in the kernel's
 * queue. Takes the descriptor, and closes it in the end, but never shuts it down: a socket that systemd
 * handed over goes on to live there. */
int http_server_listen_take(HttpServer *server, int fd, size_t max_connections, HttpListener **ret_listener);

/* 0 accepts nobody. */
void http_listener_set_max(HttpListener *listener, size_t max_connections);

/* Accepts no more, finishes what was asked, then calls on_drained(). Clients that connect meanwhile wait for
 * the next process on the socket. */
void http_server_drain(HttpServer *server);

const HttpStats *http_server_stats(const HttpServer *server);
