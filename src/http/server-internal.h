/* SPDX-License-Identifier: MIT */
#pragma once

/* For the files of the server alone, which owns listeners, these connections, each of these a request. */

#include <microhttpd.h>
#include <sys/queue.h>

#include "basic/text.h"
#include "http/budget.h"
#include "http/phase.h"
#include "http/response.h"
#include "http/server.h"

typedef struct HttpConnection HttpConnection;
typedef struct HttpStreamHandlers HttpStreamHandlers;
typedef TAILQ_HEAD(HttpConnections, HttpConnection) HttpConnections;

typedef struct HttpStream {
        const HttpStreamHandlers *handlers; /* NULL: the response is not streamed */
        void *userdata;
        sd_event_source *source_hangup;
        int result; /* < 0: why the stream is being aborted */
} HttpStream;

struct HttpRequest {
        HttpRouteMatch match;
        size_t target_size; /* of the target as received */
        Text body;          /* if the route takes one */
        HttpCharge body_charge;
        HttpResponse *response;
        HttpStream stream;
        bool begun, started, suspended; /* headers were checked; the handler was called; in libmicrohttpd */
};

struct HttpConnection {
        HttpListener *listener;
        struct MHD_Connection *mhd; /* NULL until libmicrohttpd announces the connection */
        int fd;                     /* owned by libmicrohttpd, ours while LINGERING */
        HttpPhase phase;
        usec_t since_usec, closed_at_usec;
        uint32_t n_segments; /* that had arrived at the last check of a client that may pause */
        uid_t user;
        HttpCharge charge;
        sd_event_source *source_hangup; /* while LINGERING */
        TAILQ_ENTRY(HttpConnection) in_phase, in_pending;
        HttpRequest request; /* one at a time, reused */
};

struct HttpListener {
        HttpServer *server;
        int fd;
        HttpListenerOptions options;
        IpPrefix own_address; /* with own_host */
        bool local, paused;   /* local: a Unix socket, whose users are known */
        sd_event_source *source;
        size_t n_connections;
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
        HttpBudget budget;
        bool exposed, draining, ending, at_limit; /* at_limit: a listener is paused */
        size_t peak_connections;                  /* since there was none */
        HttpStats stats;
        sd_event_source *source_epoll, *source_again, *source_expiry, *source_drained;
        usec_t expiry_at_usec;   /* when source_expiry fires; USEC_INFINITY: disabled */
        HttpConnections pending; /* accepted, not yet announced by libmicrohttpd */
        LIST_HEAD(, HttpListener) listeners;
};

/* server.c */
void http_server_wake(HttpServer *server); /* for work that its epoll descriptor does not signal */
void http_server_no_connections(HttpServer *server);

/* listener.c */
void http_listeners_resume(HttpServer *server); /* those that are below their limits again */
void http_listener_drain(HttpListener *listener);
HttpListener *http_listener_free(HttpListener *listener);
DEFINE_CLEANUP(HttpListener, http_listener_free);

/* connection.c */
size_t http_connection_cost(const HttpLimits *limits);
int http_connection_new(HttpListener *listener, int fd, HttpConnection **ret_connection);
HttpConnection *http_connection_find_pending(const HttpServer *server, int fd);
void http_connection_announced(HttpConnection *connection, struct MHD_Connection *mhd);
void http_connection_closed(HttpConnection *connection); /* by libmicrohttpd */
void http_connection_free(HttpConnection *connection);
void http_connection_enter(HttpConnection *connection, HttpPhase phase);
void http_connection_abort(HttpConnection *connection);
void http_connection_request_done(HttpConnection *connection);
void http_connections_evict(HttpListener *listener); /* one */
void http_connections_drain(HttpListener *listener);
int http_expiry_init(HttpServer *server);
void http_expiry_update(HttpListener *listener); /* after the timeouts of its phases changed */
void http_expiry_expect(HttpServer *server, usec_t at_usec);

/* request.c */
void http_request_begin(HttpRequest *request, const char *method, const char *target, const char *version,
                        bool *ret_reject);
void http_request_start(HttpRequest *request);
int http_request_append_body(HttpRequest *request, const char *data, size_t size);
void http_request_on_log(void *userdata, const char *format, va_list arguments);
void http_request_resume(HttpRequest *request);           /* if it is suspended */
void http_request_done(HttpRequest *request, int result); /* 0: the response was sent */

/* stream.c */
void http_stream_done(HttpStream *stream, int result);

static inline HttpConnection *http_request_connection(const HttpRequest *request)
{
        return CONTAINER_OF(request, HttpConnection, request);
}
