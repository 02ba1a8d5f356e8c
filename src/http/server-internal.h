/* SPDX-License-Identifier: MIT */
#pragma once

/* The bodies that server.c, listener.c and request.c share; nobody else includes this. */

#include <microhttpd.h>
#include <sys/queue.h>

#include "http/server.h"

typedef struct HttpConnection HttpConnection;
typedef TAILQ_HEAD(HttpConnections, HttpConnection) HttpConnections;

/* What a connection waits for. Each phase but WORKING has its longest duration, the same for all connections
 * of a listener: so the oldest in the list of a phase is the first that is late. */
typedef enum HttpPhase {
        HTTP_PHASE_READING,   /* a request, or its rest */
        HTTP_PHASE_WORKING,   /* the handler, who has a deadline of its own */
        HTTP_PHASE_WRITING,   /* the client to take the answer */
        HTTP_PHASE_IDLE,      /* the next request, or to be seen whether the client has hung up */
        HTTP_PHASE_KEEPALIVE, /* the next request, for longer */
        HTTP_PHASE_ABORTED,   /* libmicrohttpd to notice that we shut it down */
        _HTTP_PHASE_MAX,
} HttpPhase;

/* In this order: begun (headers read, refused or routed), started (handed to the handler), answered (a reply
 * is there), queued (libmicrohttpd has it). */
struct HttpRequest {
        HttpRouteMatch match;
        HttpResponse *reply;
        bool begun, started, suspended, queued;
};

struct HttpConnection {
        HttpListener *listener;
        struct MHD_Connection *mhd; /* NULL until libmicrohttpd told that it took the connection */
        int fd;                     /* libmicrohttpd closes it */
        HttpPhase phase;
        usec_t since_usec, accepted_at_usec;
        bool line_seen; /* the request line of the current request */
        TAILQ_ENTRY(HttpConnection) in_phase, in_arriving;
        HttpRequest request; /* one at a time, so it needs no memory of its own */
};

struct HttpListener {
        HttpServer *server;
        int fd;
        sd_event_source *source;
        size_t n_connections, max_connections;
        bool at_limit;     /* not accepting until one of ours ends */
        bool was_at_limit; /* was at_limit: the memory of so many goes back when all are gone */
        HttpConnections phases[_HTTP_PHASE_MAX];
        LIST_ENTRY(HttpListener) entry;
};

struct HttpServer {
        sd_event *event;
        struct MHD_Daemon *daemon;
        const HttpRoute *routes;
        HttpHandlers handlers;
        HttpLimits limits;
        void *owner;
        bool exposed, draining, ending;
        HttpStats stats;
        sd_event_source *source_epoll, *source_again, *source_late, *source_drained;
        usec_t late_at_usec;      /* when source_late is due; USEC_INFINITY: it is off */
        HttpConnections arriving; /* accepted by us, not yet taken by libmicrohttpd */
        LIST_HEAD(, HttpListener) listeners;
};

/* server.c: libmicrohttpd is to look after its connections, for a reason its descriptor does not tell of. */
void http_server_wake(HttpServer *server);

/* listener.c */
HttpListener *http_listener_free(HttpListener *listener);
DEFINE_CLEANUP(HttpListener, http_listener_free);
HttpConnection *http_connection_arrived(HttpServer *server, struct MHD_Connection *mhd, int fd);
void http_connection_free(HttpConnection *connection);
void http_connection_enter(HttpConnection *connection, HttpPhase phase);
void http_connection_keep_alive(HttpConnection *connection);
void http_listeners_drain(HttpServer *server);
int http_listeners_init_deadlines(HttpServer *server);

/* request.c */
void http_request_begin(HttpRequest *request, const char *method, const char *path, bool *ret_refuse_body);
void http_request_start(HttpRequest *request);
void http_request_done(HttpRequest *request);

static inline HttpConnection *http_request_connection(const HttpRequest *request)
{
        return CONTAINER_OF(request, HttpConnection, request);
}

static inline HttpServer *http_request_server(const HttpRequest *request)
{
        return http_request_connection(request)->listener->server;
}
