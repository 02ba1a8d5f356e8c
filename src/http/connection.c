/* SPDX-License-Identifier: MIT */
/* The phases of connections and their deadlines.
 *
 * Every connection is in the list of its phase, in the order in which it entered. One timer serves all of
 * them. It is only ever moved to an earlier time; when it fires before anything has expired it is set again
 * from the heads of the lists, so a request on a busy connection costs no timer operation.
 *
 * An expired connection is shut down; libmicrohttpd then sees end of file and closes it.
 *
 * What a connection can make the kernel hold is part of its cost: its socket buffers are small and fixed,
 * and it is counted until they are empty. If libmicrohttpd closes it before that, it lingers here, and is
 * reset at its deadline. Resetting does not empty a Unix socket: that one is counted until its client has
 * read everything or closed. Data that was sent over TCP and not acknowledged is not counted; on loopback
 * the receiver pays for it. */

#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "basic/fd.h"
#include "http/server-internal.h"

/* One packet of loopback with its bookkeeping. Source: GSO_MAX_SIZE. */
#define PACKET_BYTES ((size_t) 64 * 1024)

/* The kernel's socket, file and epoll item, and libmicrohttpd's connection. */
#define OVERHEAD_BYTES ((size_t) 4 * 1024)

static usec_t now_of(const HttpServer *server)
{
        usec_t now = 0;

        (void) sd_event_now(server->event, CLOCK_MONOTONIC, &now);
        return now;
}

static usec_t phase_timeout(const HttpListener *listener, HttpPhase phase)
{
        const HttpLimits *limits = &listener->server->limits;
        bool at_limit = listener->server->at_limit && !listener->local,
             may_pause = listener->options.may_pause;
        usec_t at_limit_usec = at_limit ? limits->at_limit_usec : USEC_INFINITY;
        usec_t drain_usec = listener->server->draining ? limits->drain_usec : USEC_INFINITY;

        switch (phase) {
        case HTTP_PHASE_READING:
                return MIN(MIN(limits->request_usec, at_limit_usec), drain_usec);
        case HTTP_PHASE_IDLE:
                return MIN(limits->hangup_usec, phase_timeout(listener, HTTP_PHASE_KEEPALIVE));
        case HTTP_PHASE_KEEPALIVE:
                return MIN(MIN(limits->idle_usec, at_limit_usec), drain_usec);
        case HTTP_PHASE_WRITING:
                return MIN(MIN(limits->response_usec, may_pause ? USEC_INFINITY : at_limit_usec),
                           drain_usec);
        case HTTP_PHASE_STREAMING:
                return may_pause ? MIN(limits->response_usec, drain_usec) : drain_usec;
        case HTTP_PHASE_LINGERING: /* from one check to the next */
                return MIN(limits->hangup_usec, drain_usec);
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

/* Whether the kernel still holds data for the client. Source: tcp(7), unix(7); SIOCOUTQNSD of a TCP socket
 * that was reset stays as it was. */
static bool has_unsent(const HttpConnection *connection)
{
        struct {
                uint8_t state, rest[7];
        } info = { 0 };
        socklen_t size = sizeof info;
        int n = 0;

        if (connection->listener->local)
                return ioctl(connection->fd, SIOCOUTQ, &n) >= 0 && n > 0;

        return ioctl(connection->fd, SIOCOUTQNSD, &n) >= 0 && n > 0 &&
               getsockopt(connection->fd, IPPROTO_TCP, TCP_INFO, &info, &size) >= 0 &&
               info.state != TCP_CLOSE;
}

static void reset_on_close(const HttpConnection *connection)
{
        (void) setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &(struct linger){ .l_onoff = 1 },
                          sizeof(struct linger));
}

void http_connection_abort(HttpConnection *connection)
{
        if (connection->phase == HTTP_PHASE_ABORTED)
                return;
        if (has_unsent(connection) || connection->phase == HTTP_PHASE_WRITING ||
            connection->phase == HTTP_PHASE_STREAMING)
                reset_on_close(connection);

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

/* A TCP connection ends by then, a Unix one waits for its client. */
static void check_lingering(HttpConnection *connection, usec_t now_usec)
{
        const HttpListener *listener = connection->listener;
        usec_t timeout = phase_timeout(listener, HTTP_PHASE_WRITING);
        bool expired = now_usec >= connection->closed_at_usec + timeout;

        if (!has_unsent(connection)) {
                http_connection_free(connection);
                return;
        }
        if (expired && (!listener->local || listener->server->draining)) {
                listener->server->stats.expired_total++;
                reset_on_close(connection);
                http_connection_free(connection);
                return;
        }

        move_to_phase(connection, HTTP_PHASE_LINGERING);
        connection->since_usec = now_usec;
}

/* Whether the client has not read everything, but may pause and is there: segments of its have arrived since
 * the last check. While the kernel has data that a client does not read it sends no keepalive probes of its
 * own, and TCP_USER_TIMEOUT would end a connection to one that is there, too. Source: tcp_keepalive_timer(),
 * tcp_probe_timer(). */
static bool is_paused(HttpConnection *connection)
{
        const HttpListener *listener = connection->listener;
        bool has_more = connection->phase == HTTP_PHASE_KEEPALIVE
                                ? !listener->server->at_limit && has_unsent(connection)
                                : connection->request.stream.handlers != NULL;
        uint32_t n = 0;

        if (!listener->options.may_pause || listener->server->draining || !has_more)
                return false;

        return fd_count_segments(connection->fd, &n) == 0 && TAKE(connection->n_segments, n) != n;
}

static void connection_expire(HttpConnection *connection, usec_t now_usec)
{
        HttpListener *listener = connection->listener;

        if (connection->phase == HTTP_PHASE_LINGERING) {
                check_lingering(connection, now_usec);
                return;
        }
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

        if (is_paused(connection)) {
                http_connection_enter(connection, connection->phase);
                return;
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

        /* A client is not late if it is this process that was not scheduled. */
        (void) MHD_run(server->daemon);
        http_server_wake(server);

        LIST_FOREACH(listener, &server->listeners, entry) {
                for (HttpPhase phase = 0; phase < _HTTP_PHASE_MAX; phase++)
                        while (phase_expires_at(listener, phase) <= now_usec)
                                connection_expire(TAILQ_FIRST(&listener->phases[phase]), now_usec);
                http_expiry_update(listener);
        }
        http_listeners_resume(server);

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

/* The kernel doubles the size of a socket buffer, and lets a TCP socket exceed it by one packet. */
size_t http_connection_cost(const HttpLimits *limits)
{
        return limits->connection_bytes + 2 * (2 * limits->socket_bytes) + PACKET_BYTES + OVERHEAD_BYTES;
}

/* A user may hold at most as much as it leaves free to others. */
size_t http_limits_connections(const HttpLimits *limits)
{
        return limits->budget_bytes / (2 * http_connection_cost(limits));
}

static uid_t user_of(const HttpListener *listener, int fd)
{
        struct ucred credentials;
        socklen_t size = sizeof credentials;

        if (!listener->local || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) < 0)
                return HTTP_USER_UNKNOWN;

        return credentials.uid;
}

int http_connection_new(HttpListener *listener, int fd, HttpConnection **ret_connection)
{
        HttpServer *server = listener->server;
        _cleanup_(freep) HttpConnection *connection = calloc(1, sizeof *connection);

        if (!connection)
                return -ENOMEM;

        *connection = (HttpConnection){ .listener = listener,
                                        .fd = fd,
                                        .user = user_of(listener, fd),
                                        .phase = HTTP_PHASE_READING,
                                        .since_usec = now_of(server) };
        int r = http_charge(&server->budget, connection->user, http_connection_cost(&server->limits),
                            &connection->charge);
        if (r < 0)
                return r;

        listener->n_connections++;
        server->stats.n_connections++;
        server->peak_connections = MAX(server->peak_connections, server->stats.n_connections);
        server->stats.charged_bytes += connection->charge.bytes;
        server->stats.connections_total++;
        TAILQ_INSERT_TAIL(&listener->phases[HTTP_PHASE_READING], connection, in_phase);
        TAILQ_INSERT_TAIL(&server->pending, connection, in_pending);
        http_expiry_expect(server, connection->since_usec + phase_timeout(listener, HTTP_PHASE_READING));
        *ret_connection = TAKE_PTR(connection);
        return 0;
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
        if (connection->phase == HTTP_PHASE_LINGERING)
                (void) fd_close(connection->fd);
        sd_event_source_disable_unref(connection->source_hangup);
        TAILQ_REMOVE(&listener->phases[connection->phase], connection, in_phase);
        server->stats.charged_bytes -= connection->charge.bytes;
        http_charge_done(&connection->charge);
        free(connection);

        listener->n_connections--;
        server->stats.n_connections--;
        http_listeners_resume(server);
        if (server->stats.n_connections == 0)
                http_server_no_connections(server);
}

static int on_hangup(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        HttpConnection *connection = userdata;

        check_lingering(connection, now_of(connection->listener->server));
        return 0;
}

/* Waits for the client on a descriptor of its own. Without one the connection is reset. */
static void linger(HttpConnection *connection)
{
        HttpServer *server = connection->listener->server;
        int fd = fcntl(connection->fd, F_DUPFD_CLOEXEC, 0);

        if (fd < 0 ||
            sd_event_add_io(server->event, &connection->source_hangup, fd, 0, on_hangup, connection) < 0) {
                (void) fd_close(fd);
                reset_on_close(connection);
                http_connection_free(connection);
                return;
        }

        /* A client that half-closed raises this event as well, and may be reading. */
        (void) sd_event_source_set_enabled(connection->source_hangup, SD_EVENT_ONESHOT);
        http_request_done(&connection->request, -ECONNRESET);
        connection->fd = fd;
        connection->closed_at_usec = connection->since_usec = now_of(server);
        move_to_phase(connection, HTTP_PHASE_LINGERING);
        http_expiry_update(connection->listener);
}

void http_connection_closed(HttpConnection *connection)
{
        const HttpListener *listener = connection->listener;
        bool was_reset = connection->phase == HTTP_PHASE_ABORTED && !listener->local;

        if (listener->server->ending || was_reset || !has_unsent(connection))
                http_connection_free(connection);
        else
                linger(connection);
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

/* Returns false if the client has sent the next request, or has not read the last response. */
static bool close_if_quiet(HttpConnection *connection)
{
        int unread = 0;

        if ((ioctl(connection->fd, FIONREAD, &unread) >= 0 && unread > 0) || has_unsent(connection))
                return false;

        http_connection_abort(connection);
        return true;
}

void http_connection_request_done(HttpConnection *connection)
{
        const HttpListener *listener = connection->listener;

        http_connection_enter(connection, HTTP_PHASE_IDLE);
        if (connection->phase != HTTP_PHASE_IDLE)
                return;

        /* At the limit there is no keep-alive: a client in the backlog is next. */
        if (listener->server->draining || (listener->server->at_limit && !listener->local))
                (void) close_if_quiet(connection);
}

static bool evict_from(HttpListener *listener, HttpPhase phase)
{
        HttpConnection *connection;

        TAILQ_FOREACH(connection, &listener->phases[phase], in_phase)
                if (close_if_quiet(connection))
                        return true;

        return false;
}

static bool evict_idle(HttpListener *listener)
{
        return !listener->local &&
               (evict_from(listener, HTTP_PHASE_KEEPALIVE) || evict_from(listener, HTTP_PHASE_IDLE));
}

void http_connections_evict(HttpListener *listener)
{
        HttpListener *other;

        if (evict_idle(listener))
                return;
        LIST_FOREACH(other, &listener->server->listeners, entry)
                if (evict_idle(other))
                        return;
}

static void drain_phase(HttpListener *listener, HttpPhase phase)
{
        HttpConnection *connection = TAILQ_FIRST(&listener->phases[phase]);

        while (connection) {
                HttpConnection *next = TAILQ_NEXT(connection, in_phase);

                connection->since_usec = now_of(listener->server);
                if (phase != HTTP_PHASE_READING)
                        (void) close_if_quiet(connection);
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
