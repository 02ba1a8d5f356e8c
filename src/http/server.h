/* SPDX-License-Identifier: MIT */
#pragma once

/* An HTTP/1.1 server on its owner's event loop: libmicrohttpd parses and sends; this accepts connections,
 * enforces limits and deadlines, checks Host and Origin, and routes.
 *
 * No client can block the server, make it grow or lock out others: all connections share a budget of bytes,
 * of which each user gets a fair part; requests, responses and idle connections have deadlines; headers and
 * bodies have size limits.
 * A body needs a Content-Length (411); it is kept for routes with a body_max, otherwise read and dropped.
 * What libmicrohttpd cannot parse (a bad request line, too large headers) it rejects itself with 400, 414 or
 * 431 and a short HTML text. A header block that fits but leaves no room for the response header, within
 * about 200 bytes of the limit, makes it close the connection without a response. */

#include <systemd/sd-event.h>

#include "basic/ip-prefix.h"
#include "basic/time.h"
#include "http/route.h"

typedef struct HttpServer HttpServer;
typedef struct HttpListener HttpListener;

typedef struct HttpLimits {
        usec_t request_usec;     /* from accept(), later from the request line, to the end of the body */
        usec_t response_usec;    /* for the client to read it, or one piece of a stream; to answer the
                                    kernel, in every phase */
        usec_t idle_usec;        /* between two requests of a connection */
        usec_t hangup_usec;      /* until a half-closed client is noticed after a response */
        usec_t at_limit_usec;    /* upper bound of the above, and of all requests of a connection together,
                                    while a listener is at its limit of connections */
        usec_t drain_usec;       /* upper bound of all the above while draining */
        size_t connection_bytes; /* memory of a connection: request header, 64 bytes for each field, response
                                    header */
        size_t socket_bytes;     /* SO_SNDBUF and SO_RCVBUF */
        size_t budget_bytes;     /* all connections together, with what the kernel holds for them */
        uint64_t body_bytes;     /* largest body of a request whose route keeps none */
} HttpLimits;

#define HTTP_LIMITS_DEFAULT                                                                                 \
        ((HttpLimits){ .request_usec = 10 * USEC_PER_SEC,                                                   \
                       .response_usec = 30 * USEC_PER_SEC,                                                  \
                       .idle_usec = 60 * USEC_PER_SEC,                                                      \
                       .hangup_usec = 1 * USEC_PER_SEC,                                                     \
                       .at_limit_usec = 1 * USEC_PER_SEC,                                                   \
                       .drain_usec = 250 * USEC_PER_MSEC,                                                   \
                       .connection_bytes = 16 * 1024,                                                       \
                       .socket_bytes = 4 * 1024,                                                            \
                       .budget_bytes = 104 * 1024 * 1024,                                                   \
                       .body_bytes = 4 * 1024 })

/* How many connections the budget allows one user, or all clients over TCP together. */
size_t http_limits_connections(const HttpLimits *limits);

typedef struct HttpHandlers {
        /* Called before each route handler, when the request is complete. Returns false if it has responded
         * itself. */
        bool (*admit)(HttpRequest *request, const HttpRoute *route, void *owner);
        void (*on_response)(const HttpRoute *route, unsigned status, void *owner); /* route NULL: no match */
        void (*on_drained)(void *owner);
} HttpHandlers;

typedef struct HttpStats {
        uint64_t connections_total;
        uint64_t expired_total;   /* connections closed at a deadline */
        uint64_t at_limit_total;  /* times a listener reached its limit of connections */
        uint64_t rejected_total;  /* connections of users above their share */
        uint64_t malformed_total; /* requests that could not be parsed */
        size_t n_connections;
        size_t charged_bytes; /* to the budget, for these */
} HttpStats;

/* `routes` (see route.h) and the owner must outlive the server; `handlers` and `limits` are copied. */
int http_server_new(sd_event *event, const HttpRoute *routes, const HttpHandlers *handlers,
                    const HttpLimits *limits, HttpServer **ret_server);

/* Closes all connections. Requests without a response become invalid. */
HttpServer *http_server_free(HttpServer *server);
DEFINE_CLEANUP(HttpServer, http_server_free);

void http_server_set_owner(HttpServer *server, void *owner);

/* Accepts hosts other than loopback: see http/guard.h. */
void http_server_set_exposed(HttpServer *server, bool exposed);

typedef struct HttpListenerOptions {
        size_t max_connections; /* at a time; more wait in the kernel's backlog */
        unsigned scope;         /* one bit: serves only the routes of this scope; 0: all */
        IpPrefix sources;       /* connections from elsewhere are closed; IP_PREFIX_NULL: from nowhere */
        bool own_host;          /* Host must be the address of the socket instead of loopback */
        bool may_pause;         /* clients over TCP may stop reading a stream: see http/stream.h */
} HttpListenerOptions;

/* Accepts connections from a listening socket. Takes the descriptor and closes it, but never calls
 * shutdown(2): a socket from systemd stays usable for the next process. Errors: -EINVAL `own_host` for
 * neither IPv4 nor IPv6. */
int http_server_listen_take(HttpServer *server, int fd, const HttpListenerOptions *options,
                            HttpListener **ret_listener);

/* 0: accept no new connections. */
void http_listener_set_max(HttpListener *listener, size_t max_connections);

/* Stops accepting, completes the requests in progress, then calls on_drained(). Clients that connect
 * meanwhile wait for the next process on the socket. */
void http_server_drain(HttpServer *server);

const HttpStats *http_server_stats(const HttpServer *server);
