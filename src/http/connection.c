/* SPDX-License-Identifier: MIT */
/* The phases of connections and their deadlines.
 *
 * Every connection is in the list of its phase, in the order in which it entered. One timer serves all of
 * them. It is only ever moved to an earlier time; when it fires before anything has expired it is set again
 * from the heads of the lists, so a request on a busy connection costs no timer operation.
 *
 * An expired connection is shut down; libmicrohttpd then sees end of file and closes it. */

#include <malloc.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "http/server-internal.h"

static usec_t now_of(const HttpServer *server)
{
        usec_t now = 0;

        (void) sd_event_now(server->event, CLOCK_MONOTONIC, &now);
        return now;
}

static usec_t phase_timeout(const HttpListener *listener, HttpPhase phase)
{
        const HttpLimits *limits = &listener->server->limits;
        usec_t at_limit_usec = listener->at_limit ? limits->at_limit_usec : USEC_INFINITY;
        usec_t drain_usec = listener->server->draining ? limits->drain_usec : USEC_INFINITY;

        switch (phase) {
        case HTTP_PHASE_READING:
                return MIN(MIN(limits->request_usec, at_limit_usec), drain_usec);
        case HTTP_PHASE_IDLE:
                return MIN(limits->hangup_usec, phase_timeout(listener, HTTP_PHASE_KEEPALIVE));
        case HTTP_PHASE_KEEPALIVE:
                return MIN(MIN(limits->idle_usec, at_limit_usec), drain_usec);
        case HTTP_PHASE_WRITING:
                return MIN(MIN(limits->response_usec, at_limit_usec), drain_usec);
        case HTTP_PHASE_STREAMING:
                return drain_usec;
        default:
                return USEC_INFINITY;
        }
}

static usec_t phase_expires_at(const HttpListener *listener, HttpPhase phase)
{
        const HttpConnection *oldest = TAILQ_FIRST(&listener->phases[phase]);
        usec_t timeout = phase_timeout(listener, phase);

        return oldest && timeout != USEC_INFINITY ? oldest->since_usec + timeout : USEC_INFINITY;
}

void http_expiry_expect(HttpServer *server, usec_t at_usec)
{
        if (at_usec >= server->expiry_at_usec)
                return;

        server->expiry_at_usec = at_usec;
        (void) sd_event_source_set_time(server->source_expiry, at_usec);
        (void) sd_event_source_set_enabled(server->source_expiry, SD_EVENT_ONESHOT);
}

void http_expiry_update(HttpListener *listener)
{
        for (HttpPhase phase = 0; phase < _HTTP_PHASE_MAX; phase++)
                http_expiry_expect(listener->server, phase_expires_at(listener, phase));
}

static void move_to_phase(HttpConnection *connection, HttpPhase phase)
{
        TAILQ_REMOVE(&connection->listener->phases[connection->phase], connection, in_phase);
        connection->phase = phase;
        TAILQ_INSERT_TAIL(&connection->listener->phases[phase], connection, in_phase);
}

/* An unread response must not stay in the kernel either: such a connection is reset. */
void http_connection_abort(HttpConnection *connection)
{
        if (connection->phase == HTTP_PHASE_ABORTED)
                return;
        if (connection->phase == HTTP_PHASE_WRITING || connection->phase == HTTP_PHASE_STREAMING)
                (void) setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &(struct linger){ .l_onoff = 1 },
                                  sizeof(struct linger));

        move_to_phase(connection, HTTP_PHASE_ABORTED);
        (void) shutdown(connection->fd, SHUT_RDWR);
        http_request_resume(&connection->request);
}

/* libmicrohttpd waits for an edge, and misses an end of file that was received together with a request. */
static bool has_hung_up(const HttpConnection *connection)
{
        char byte;

        return recv(connection->fd, &byte, sizeof byte, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static void connection_expire(HttpConnection *connection, usec_t now_usec)
{
        HttpListener *listener = connection->listener;

        if (connection->phase == HTTP_PHASE_IDLE) {
                if (has_hung_up(connection)) {
                        http_connection_abort(connection);
                        return;
                }
                if (now_usec < connection->since_usec + phase_timeout(listener, HTTP_PHASE_KEEPALIVE)) {
                        move_to_phase(connection, HTTP_PHASE_KEEPALIVE);
                        return;
                }
        }

        listener->server->stats.expired_total++;
        connection->request.stream.result = listener->server->draining ? -ECANCELED : -ETIMEDOUT;
        http_connection_abort(connection);
}

static int on_expiry(sd_event_source *source, uint64_t now_usec, void *userdata)
{
        HttpServer *server = userdata;
        HttpListener *listener;

        server->expiry_at_usec = USEC_INFINITY;
        LIST_FOREACH(listener, &server->listeners, entry) {
                for (HttpPhase phase = 0; phase < _HTTP_PHASE_MAX; phase++)
                        while (phase_expires_at(listener, phase) <= now_usec)
                                connection_expire(TAILQ_FIRST(&listener->phases[phase]), now_usec);
                http_listener_resume(listener);
                http_expiry_update(listener);
        }

        return 0;
}

int http_expiry_init(HttpServer *server)
{
        server->expiry_at_usec = USEC_INFINITY;

        int r = sd_event_add_time(server->event, &server->source_expiry, CLOCK_MONOTONIC, 0, 0, on_expiry,
                                  server);
        if (r < 0)
                return r;

        return sd_event_source_set_enabled(server->source_expiry, SD_EVENT_OFF);
}

HttpConnection *http_connection_new(HttpListener *listener, int fd)
{
        HttpServer *server = listener->server;
        HttpConnection *connection = calloc(1, sizeof *connection);

        if (!connection)
                return NULL;

        *connection = (HttpConnection){
                .listener = listener, .fd = fd, .phase = HTTP_PHASE_READING, .since_usec = now_of(server)
        };
        connection->accepted_at_usec = connection->since_usec;
        listener->n_connections++;
        server->stats.n_connections++;
        server->stats.connections_total++;
        TAILQ_INSERT_TAIL(&listener->phases[HTTP_PHASE_READING], connection, in_phase);
        TAILQ_INSERT_TAIL(&server->pending, connection, in_pending);
        http_expiry_expect(server, connection->since_usec + phase_timeout(listener, HTTP_PHASE_READING));
        return connection;
}

/* libmicrohttpd 1.0 announces a connection some time after MHD_add_connection(): matched by descriptor. */
HttpConnection *http_connection_find_pending(const HttpServer *server, int fd)
{
        HttpConnection *connection;

        TAILQ_FOREACH(connection, &server->pending, in_pending)
                if (connection->fd == fd)
                        return connection;

        return NULL;
}

void http_connection_announced(HttpConnection *connection, struct MHD_Connection *mhd)
{
        TAILQ_REMOVE(&connection->listener->server->pending, connection, in_pending);
        connection->mhd = mhd;
}

void http_connection_free(HttpConnection *connection)
{
        HttpListener *listener = connection->listener;
        HttpServer *server = listener->server;

        http_request_done(&connection->request, -ECONNRESET);
        if (!connection->mhd)
                TAILQ_REMOVE(&server->pending, connection, in_pending);
        TAILQ_REMOVE(&listener->phases[connection->phase], connection, in_phase);
        free(connection);

        listener->n_connections--;
        server->stats.n_connections--;
        http_listener_resume(listener);

        if (server->stats.n_connections == 0) {
                server->expiry_at_usec = USEC_INFINITY;
                (void) sd_event_source_set_enabled(server->source_expiry, SD_EVENT_OFF);
        }

        /* malloc would keep the memory of the peak. */
        if (listener->n_connections == 0 && TAKE(listener->was_at_limit, false))
                (void) malloc_trim(0);
}

void http_connection_enter(HttpConnection *connection, HttpPhase phase)
{
        HttpListener *listener = connection->listener;
        usec_t timeout = phase_timeout(listener, phase);

        if (connection->phase == HTTP_PHASE_ABORTED)
                return;

        move_to_phase(connection, phase);
        connection->since_usec = now_of(listener->server);
        if (timeout != USEC_INFINITY)
                http_expiry_expect(listener->server, connection->since_usec + timeout);
}

static void abort_unless_readable(HttpConnection *connection)
{
        int unread = 0;

        if (ioctl(connection->fd, FIONREAD, &unread) < 0 || unread == 0)
                http_connection_abort(connection);
}

/* A client that keeps sending requests never expires; at the limit its connection is closed after its share
 * of time. */
static bool used_its_share(const HttpConnection *connection)
{
        const HttpListener *listener = connection->listener;
        usec_t age = connection->since_usec - connection->accepted_at_usec;

        return listener->at_limit && age >= listener->server->limits.at_limit_usec;
}

void http_connection_request_done(HttpConnection *connection)
{
        http_connection_enter(connection, HTTP_PHASE_IDLE);
        if (connection->phase != HTTP_PHASE_IDLE)
                return;

        if (used_its_share(connection))
                http_connection_abort(connection);
        else if (connection->listener->server->draining)
                abort_unless_readable(connection);
}

static void drain_phase(HttpListener *listener, HttpPhase phase)
{
        HttpConnection *connection = TAILQ_FIRST(&listener->phases[phase]);

        while (connection) {
                HttpConnection *next = TAILQ_NEXT(connection, in_phase);

                connection->since_usec = now_of(listener->server);
                if (phase != HTTP_PHASE_READING)
                        abort_unless_readable(connection);
                connection = next;
        }
}

void http_connections_drain(HttpListener *listener)
{
        /* A client that has just connected is about to send a request; it gets drain_usec to do so. */
        drain_phase(listener, HTTP_PHASE_READING);
        drain_phase(listener, HTTP_PHASE_IDLE);
        drain_phase(listener, HTTP_PHASE_KEEPALIVE);
        http_expiry_update(listener);
}
