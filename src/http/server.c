/* SPDX-License-Identifier: MIT */
/* Drives libmicrohttpd from an sd-event loop.
 *
 * libmicrohttpd runs without a thread and without a listening socket: its epoll descriptor is one source of
 * the loop, whatever the number of connections. For each request it calls on_line() after the request line,
 * on_request() after the headers, with each piece of the body and at the end of the request, and from then
 * on repeatedly until a response is queued, unless the connection is suspended. Queueing a response before
 * the end of the request makes it close the connection; this is done only to reject a body. */

#include "http/server.h"

#include <malloc.h>

#include "http/server-internal.h"
#include "http/strict.h"

/* From so many connections on, memory is returned to the kernel when the last of them ends. */
#define TRIM_CONNECTIONS 64

static void server_run(HttpServer *server)
{
        MHD_UNSIGNED_LONG_LONG timeout_ms;

        (void) MHD_run(server->daemon);

        /* It has no timeouts of its own here: 0 means work is left, anything else that it waits for the
         * descriptor. */
        if (MHD_get_timeout(server->daemon, &timeout_ms) == MHD_YES && timeout_ms == 0)
                http_server_wake(server);
}

static int on_epoll(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        server_run(userdata);
        return 0;
}

static int on_again(sd_event_source *source, void *userdata)
{
        server_run(userdata);
        return 0;
}

static int on_drained(sd_event_source *source, void *userdata)
{
        HttpServer *server = userdata;

        if (server->handlers.on_drained)
                server->handlers.on_drained(server->owner);
        return 0;
}

static HttpConnection *connection_of(struct MHD_Connection *mhd)
{
        return MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

static void on_connection(void *userdata, struct MHD_Connection *mhd, void **socket_context,
                          enum MHD_ConnectionNotificationCode code)
{
        HttpServer *server = userdata;

        if (code == MHD_CONNECTION_NOTIFY_STARTED) {
                int fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;

                *socket_context = http_connection_find_pending(server, fd);
                assert(*socket_context);
                http_connection_announced(*socket_context, mhd);
        } else
                http_connection_closed(*socket_context);
}

static void *on_line(void *userdata, const char *uri, struct MHD_Connection *mhd)
{
        HttpConnection *connection = connection_of(mhd);

        /* The time of the first request counts from accept(). */
        if (connection->phase == HTTP_PHASE_IDLE || connection->phase == HTTP_PHASE_KEEPALIVE)
                http_connection_enter(connection, HTTP_PHASE_READING);

        connection->request.target_size = strlen(uri);
        return &connection->request;
}

/* Paths are matched as received: nothing is unescaped. */
static size_t on_unescape(void *userdata, struct MHD_Connection *mhd, char *text)
{
        return strlen(text);
}

static enum MHD_Result queue_response(HttpRequest *request)
{
        HttpConnection *connection = http_request_connection(request);
        HttpServer *server = connection->listener->server;
        unsigned status = http_response_status(request->response);

        http_connection_enter(connection, HTTP_PHASE_WRITING);
        if (server->handlers.on_response)
                server->handlers.on_response(request->match.route, status, server->owner);

        return MHD_queue_response(connection->mhd, status, http_response_mhd(request->response));
}

static enum MHD_Result on_request(void *userdata, struct MHD_Connection *mhd, const char *path,
                                  const char *method, const char *version, const char *body,
                                  size_t *body_size, void **context)
{
        HttpServer *server = userdata;
        HttpRequest *request = *context;

        /* The client of an aborted connection would not get the response. */
        if (server->ending || http_request_connection(request)->phase == HTTP_PHASE_ABORTED)
                return MHD_NO;

        if (!request->begun) {
                bool reject;

                http_request_begin(request, method, path, version, &reject);
                if (reject)
                        return request->response ? queue_response(request) : MHD_NO;
                return MHD_YES;
        }

        if (*body_size > 0) {
                int r = http_request_append_body(request, body, *body_size);

                *body_size = 0;
                return r < 0 ? MHD_NO : MHD_YES;
        }

        if (!request->response && request->match.route && !request->started) {
                http_request_start(request);
                if (!request->response) {
                        request->suspended = true;
                        MHD_suspend_connection(mhd);
                        return MHD_YES;
                }
        }

        return request->response ? queue_response(request) : MHD_NO;
}

static void on_completed(void *userdata, struct MHD_Connection *mhd, void **context,
                         enum MHD_RequestTerminationCode code)
{
        HttpRequest *request = *context;
        HttpConnection *connection = http_request_connection(request);

        /* Rejected by libmicrohttpd itself: neither aborted nor closed by the client. */
        if (!request->begun && code == MHD_REQUEST_TERMINATED_WITH_ERROR &&
            connection->phase != HTTP_PHASE_ABORTED)
                connection->listener->server->stats.malformed_total++;

        http_request_done(request, code == MHD_REQUEST_TERMINATED_COMPLETED_OK ? 0 : -ECONNRESET);
        http_connection_request_done(connection);
}

static int start_daemon(HttpServer *server)
{
        unsigned flags =
                MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
        struct MHD_OptionItem options[] = {
                { MHD_OPTION_EXTERNAL_LOGGER, (intptr_t) http_request_on_log, server },
                { MHD_OPTION_STRICT_FOR_CLIENT, http_strict_level(), NULL },
                { MHD_OPTION_CONNECTION_LIMIT, 65535, NULL }, /* each listener has a lower one */
                { MHD_OPTION_CONNECTION_TIMEOUT, 0, NULL },   /* none: see connection.c */
                { MHD_OPTION_CONNECTION_MEMORY_LIMIT, (intptr_t) server->limits.connection_bytes, NULL },
                { MHD_OPTION_NOTIFY_CONNECTION, (intptr_t) on_connection, server },
                { MHD_OPTION_NOTIFY_COMPLETED, (intptr_t) on_completed, server },
                { MHD_OPTION_URI_LOG_CALLBACK, (intptr_t) on_line, server },
                { MHD_OPTION_UNESCAPE_CALLBACK, (intptr_t) on_unescape, server },
                { MHD_OPTION_END, 0, NULL },
        };

        server->daemon = MHD_start_daemon(flags, 0, NULL, NULL, on_request, server, MHD_OPTION_ARRAY,
                                          options, MHD_OPTION_END);
        if (!server->daemon)
                return -EIO;

        const union MHD_DaemonInfo *info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
        if (!info || info->epoll_fd < 0)
                return -EOPNOTSUPP;

        return sd_event_add_io(server->event, &server->source_epoll, info->epoll_fd, EPOLLIN, on_epoll,
                               server);
}

static int add_defer(HttpServer *server, sd_event_source **source, sd_event_handler_t handler)
{
        int r = sd_event_add_defer(server->event, source, handler, server);
        if (r < 0)
                return r;

        return sd_event_source_set_enabled(*source, SD_EVENT_OFF);
}

static int add_sources(HttpServer *server)
{
        int r = add_defer(server, &server->source_again, on_again);
        if (r < 0)
                return r;

        r = add_defer(server, &server->source_drained, on_drained);
        if (r < 0)
                return r;

        return http_expiry_init(server);
}

int http_server_new(sd_event *event, const HttpRoute *routes, const HttpHandlers *handlers,
                    const HttpLimits *limits, HttpServer **ret_server)
{
        _cleanup_(http_server_freep) HttpServer *server = calloc(1, sizeof *server);
        if (!server)
                return -ENOMEM;

        *server = (HttpServer){
                .event = sd_event_ref(event), .routes = routes, .handlers = *handlers, .limits = *limits
        };
        server->budget.max_bytes = limits->budget_bytes;
        TAILQ_INIT(&server->pending);
        LIST_INIT(&server->listeners);

        int r = add_sources(server);
        if (r < 0)
                return r;

        r = start_daemon(server);
        if (r < 0)
                return r;

        *ret_server = TAKE_PTR(server);
        return 0;
}

/* libmicrohttpd must not be stopped while a connection is suspended. One that is resumed without a response
 * is closed. */
static void resume_all(HttpServer *server)
{
        static const HttpPhase phases[] = { HTTP_PHASE_WORKING, HTTP_PHASE_STREAMING };
        HttpListener *listener;
        HttpConnection *connection;

        LIST_FOREACH(listener, &server->listeners, entry)
                for (size_t i = 0; i < ELEMENTSOF(phases); i++)
                        TAILQ_FOREACH(connection, &listener->phases[phases[i]], in_phase)
                                http_request_resume(&connection->request);
}

HttpServer *http_server_free(HttpServer *server)
{
        if (server->daemon) {
                server->ending = true;
                resume_all(server);
                (void) MHD_run(server->daemon);
                sd_event_source_disable_unref(server->source_epoll);
                MHD_stop_daemon(server->daemon);
        }

        while (!TAILQ_EMPTY(&server->pending))
                http_connection_free(TAILQ_FIRST(&server->pending));
        while (!LIST_EMPTY(&server->listeners)) {
                HttpListener *listener = LIST_FIRST(&server->listeners);

                while (!TAILQ_EMPTY(&listener->phases[HTTP_PHASE_LINGERING]))
                        http_connection_free(TAILQ_FIRST(&listener->phases[HTTP_PHASE_LINGERING]));
                LIST_REMOVE(listener, entry);
                http_listener_free(listener);
        }

        sd_event_source_disable_unref(server->source_again);
        sd_event_source_disable_unref(server->source_expiry);
        sd_event_source_disable_unref(server->source_drained);
        sd_event_unref(server->event);
        free(server);
        return NULL;
}

void http_server_set_owner(HttpServer *server, void *owner)
{
        server->owner = owner;
}

void http_server_set_exposed(HttpServer *server, bool exposed)
{
        server->exposed = exposed;
}

void http_server_drain(HttpServer *server)
{
        HttpListener *listener;

        if (server->draining)
                return;

        server->draining = true;
        LIST_FOREACH(listener, &server->listeners, entry)
                http_listener_drain(listener);
        if (server->stats.n_connections == 0)
                http_server_no_connections(server);
}

void http_server_no_connections(HttpServer *server)
{
        server->expiry_at_usec = USEC_INFINITY;
        (void) sd_event_source_set_enabled(server->source_expiry, SD_EVENT_OFF);
        if (server->draining)
                (void) sd_event_source_set_enabled(server->source_drained, SD_EVENT_ONESHOT);

        /* malloc would keep the memory of the peak. */
        if (TAKE(server->peak_connections, 0) >= TRIM_CONNECTIONS)
                (void) malloc_trim(0);
}

void http_server_wake(HttpServer *server)
{
        (void) sd_event_source_set_enabled(server->source_again, SD_EVENT_ONESHOT);
}

const HttpStats *http_server_stats(const HttpServer *server)
{
        return &server->stats;
}
