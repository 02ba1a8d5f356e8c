/* SPDX-License-Identifier: MIT */
/* Listening sockets and how long their connections may take.
 *
 * Connections are accepted here, not by libmicrohttpd, and handed to it one by one: so the listening socket,
 * which systemd keeps for the next process, is never touched by anybody else, each has a limit of its own
 * (whoever floods the TCP port does not lock out the Unix socket), and every connection is known from its
 * first moment. A connection that is late is shut down; libmicrohttpd then finds it closed and lets go. */

#include <malloc.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "basic/fd.h"
#include "http/server-internal.h"
#include "log/log.h"

/* How many connections are accepted before others get their turn. */
#define ACCEPT_BURST 16

static usec_t now_of(const HttpServer *server)
{
        usec_t now = 0;

        (void) sd_event_now(server->event, CLOCK_MONOTONIC, &now);
        return now;
}

/* The longest a phase may take now. */
static usec_t phase_limit(const HttpListener *listener, HttpPhase phase)
{
        const HttpLimits *limits = &listener->server->limits;
        usec_t at_limit_usec = listener->at_limit ? limits->at_limit_usec : USEC_INFINITY;
        usec_t drain_usec = listener->server->draining ? limits->drain_usec : USEC_INFINITY;

        switch (phase) {
        case HTTP_PHASE_READING:
                return MIN(MIN(limits->request_usec, at_limit_usec), drain_usec);
        case HTTP_PHASE_IDLE:
                return MIN(limits->hangup_usec, phase_limit(listener, HTTP_PHASE_KEEPALIVE));
        case HTTP_PHASE_KEEPALIVE:
                return MIN(MIN(limits->idle_usec, at_limit_usec), drain_usec);
        case HTTP_PHASE_WRITING:
                return MIN(MIN(limits->answer_usec, at_limit_usec), drain_usec);
        default:
                return USEC_INFINITY;
        }
}

static usec_t phase_late_at(const HttpListener *listener, HttpPhase phase)
{
        const HttpConnection *oldest = TAILQ_FIRST(&listener->phases[phase]);
        usec_t limit = phase_limit(listener, phase);

        return oldest && limit != USEC_INFINITY ? oldest->since_usec + limit : USEC_INFINITY;
}

/* The timer is only ever moved forward in time here; fired too early, it finds nobody late and is set anew.
 * So a busy connection costs no timer at all. */
static void expect_late(HttpServer *server, usec_t at_usec)
{
        if (at_usec >= server->late_at_usec)
                return;

        server->late_at_usec = at_usec;
        (void) sd_event_source_set_time(server->source_late, at_usec);
        (void) sd_event_source_set_enabled(server->source_late, SD_EVENT_ONESHOT);
}

/* Without connections there is nothing to wake up for. */
static void expect_nobody_late(HttpServer *server)
{
        server->late_at_usec = USEC_INFINITY;
        (void) sd_event_source_set_enabled(server->source_late, SD_EVENT_OFF);
}

static void expect_late_of(HttpListener *listener)
{
        for (HttpPhase phase = 0; phase < _HTTP_PHASE_MAX; phase++)
                expect_late(listener->server, phase_late_at(listener, phase));
}

static void enter(HttpConnection *connection, HttpPhase phase)
{
        TAILQ_REMOVE(&connection->listener->phases[connection->phase], connection, in_phase);
        connection->phase = phase;
        TAILQ_INSERT_TAIL(&connection->listener->phases[phase], connection, in_phase);
}

/* Whoever does not take an answer must not keep it in the kernel either: such a connection is reset. */
static void cut(HttpConnection *connection)
{
        if (connection->phase == HTTP_PHASE_WRITING)
                (void) setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &(struct linger){ .l_onoff = 1 },
                                  sizeof(struct linger));

        enter(connection, HTTP_PHASE_ABORTED);
        (void) shutdown(connection->fd, SHUT_RDWR);
}

static void accept_replay(HttpListener *listener)
{
        if (!listener->at_limit || listener->server->draining ||
            listener->n_connections >= listener->max_connections)
                return;

        listener->at_limit = false;
        (void) sd_event_source_set_enabled(listener->source, SD_EVENT_ON);
}

static void be_crowded(HttpListener *listener)
{
        listener->at_limit = listener->was_at_limit = true;
        listener->server->stats.at_limit_total++;
        (void) sd_event_source_set_enabled(listener->source, SD_EVENT_OFF);
        expect_late_of(listener);
}

/* libmicrohttpd does not see the end of a stream that came together with a request: it waits for an edge. */
static bool has_hung_up(const HttpConnection *connection)
{
        char byte;

        return recv(connection->fd, &byte, sizeof byte, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static void be_late(HttpConnection *connection, usec_t now_usec)
{
        HttpListener *listener = connection->listener;

        if (connection->phase == HTTP_PHASE_IDLE) {
                if (has_hung_up(connection)) {
                        cut(connection);
                        return;
                }
                if (now_usec < connection->since_usec + phase_limit(listener, HTTP_PHASE_KEEPALIVE)) {
                        enter(connection, HTTP_PHASE_KEEPALIVE);
                        return;
                }
        }

        listener->server->stats.cut_total++;
        cut(connection);
}

static int on_late(sd_event_source *source, uint64_t now_usec, void *userdata)
{
        HttpServer *server = userdata;
        HttpListener *listener;

        server->late_at_usec = USEC_INFINITY;
        LIST_FOREACH(listener, &server->listeners, entry) {
                for (HttpPhase phase = 0; phase < _HTTP_PHASE_MAX; phase++)
                        while (phase_late_at(listener, phase) <= now_usec)
                                be_late(TAILQ_FIRST(&listener->phases[phase]), now_usec);
                accept_replay(listener);
                expect_late_of(listener);
        }

        return 0;
}

/* What to do after accept4(2) failed: true, leave it for now. The errors of a connection that failed before
 * we took it are skipped over. Source: accept(2), Linux. */
static bool accept_must_stop(HttpListener *listener, int error)
{
        switch (error) {
        case EAGAIN:
                return true;
        case EMFILE:
        case ENFILE:
        case ENOBUFS:
        case ENOMEM: /* try again when one of ours ended, or in a while */
                be_crowded(listener);
                expect_late(listener->server,
                            now_of(listener->server) + listener->server->limits.at_limit_usec);
                return true;
        case EBADF:
        case EINVAL:
        case ENOTSOCK:
        case EOPNOTSUPP: /* nothing will ever come from there */
                log_debug("A listening socket does not listen any more");
                (void) sd_event_source_set_enabled(listener->source, SD_EVENT_OFF);
                return true;
        default:
                return false;
        }
}

/* Newer libmicrohttpd tells of a connection later than it takes it, so the two are matched by the
 * descriptor.
 */
static HttpConnection *find_arriving(const HttpServer *server, int fd)
{
        HttpConnection *connection;

        TAILQ_FOREACH(connection, &server->arriving, in_arriving)
                if (connection->fd == fd)
                        return connection;

        return NULL;
}

static void take_connection(HttpListener *listener, int fd, const struct sockaddr *address, socklen_t size)
{
        HttpServer *server = listener->server;
        HttpConnection *connection = calloc(1, sizeof *connection);

        if (!connection) {
                (void) fd_close(fd);
                return;
        }

        *connection = (HttpConnection){
                .listener = listener, .fd = fd, .phase = HTTP_PHASE_READING, .since_usec = now_of(server)
        };
        connection->accepted_at_usec = connection->since_usec;
        listener->n_connections++;
        server->stats.n_connections++;
        server->stats.connections_total++;
        TAILQ_INSERT_TAIL(&listener->phases[HTTP_PHASE_READING], connection, in_phase);
        TAILQ_INSERT_TAIL(&server->arriving, connection, in_arriving);
        expect_late(server, connection->since_usec + phase_limit(listener, HTTP_PHASE_READING));

        /* From here on libmicrohttpd closes the descriptor, also when it refuses, and has told of the end of
         * a connection whose beginning it told of. */
        enum MHD_Result taken = MHD_add_connection(server->daemon, fd, address, size);
        connection = find_arriving(server, fd);
        if (connection && taken == MHD_NO)
                http_connection_free(connection);
        else if (connection)
                http_server_wake(server);
}

static int on_acceptable(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        HttpListener *listener = userdata;

        for (int i = 0; i < ACCEPT_BURST; i++) {
                struct sockaddr_storage address;
                socklen_t size = sizeof address;

                if (listener->n_connections >= listener->max_connections) {
                        be_crowded(listener);
                        break;
                }

                int connection =
                        accept4(fd, (struct sockaddr *) &address, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
                if (connection >= 0)
                        take_connection(listener, connection, (struct sockaddr *) &address, size);
                else if (accept_must_stop(listener, errno))
                        break;
        }

        return 0;
}

HttpConnection *http_connection_arrived(HttpServer *server, struct MHD_Connection *mhd, int fd)
{
        HttpConnection *connection = find_arriving(server, fd);

        assert(connection);
        TAILQ_REMOVE(&server->arriving, connection, in_arriving);
        connection->mhd = mhd;
        return connection;
}

void http_connection_free(HttpConnection *connection)
{
        HttpListener *listener = connection->listener;

        http_request_done(&connection->request);
        if (!connection->mhd)
                TAILQ_REMOVE(&listener->server->arriving, connection, in_arriving);
        TAILQ_REMOVE(&listener->phases[connection->phase], connection, in_phase);
        free(connection);

        listener->n_connections--;
        listener->server->stats.n_connections--;
        accept_replay(listener);

        if (listener->server->stats.n_connections == 0)
                expect_nobody_late(listener->server);

        /* malloc keeps what was freed for the next crowd, which may never come. */
        if (listener->n_connections == 0 && TAKE(listener->was_at_limit, false))
                (void) malloc_trim(0);
}

void http_connection_enter(HttpConnection *connection, HttpPhase phase)
{
        HttpListener *listener = connection->listener;
        usec_t limit = phase_limit(listener, phase);

        if (connection->phase == HTTP_PHASE_ABORTED)
                return;

        enter(connection, phase);
        connection->since_usec = now_of(listener->server);
        if (limit != USEC_INFINITY)
                expect_late(listener->server, connection->since_usec + limit);
}

/* While draining, a connection that rests is closed, unless the next request is already there. */
static void leave_if_silent(HttpConnection *connection)
{
        int waiting = 0;

        if (ioctl(connection->fd, FIONREAD, &waiting) < 0 || waiting == 0)
                cut(connection);
}

/* Whoever asks again and again is never silent: while others wait, each connection has its turn, and then
 * queues like them. */
static bool had_its_turn(const HttpConnection *connection)
{
        const HttpListener *listener = connection->listener;
        usec_t age = connection->since_usec - connection->accepted_at_usec;

        return listener->at_limit && age >= listener->server->limits.at_limit_usec;
}

void http_connection_keep_alive(HttpConnection *connection)
{
        connection->line_seen = false;
        http_connection_enter(connection, HTTP_PHASE_IDLE);
        if (connection->phase != HTTP_PHASE_IDLE)
                return;

        if (had_its_turn(connection))
                cut(connection);
        else if (connection->listener->server->draining)
                leave_if_silent(connection);
}

static void drain_phase(HttpListener *listener, HttpPhase phase)
{
        HttpConnection *connection = TAILQ_FIRST(&listener->phases[phase]);

        while (connection) {
                HttpConnection *next = TAILQ_NEXT(connection, in_phase);

                connection->since_usec = now_of(listener->server);
                if (phase != HTTP_PHASE_READING)
                        leave_if_silent(connection);
                connection = next;
        }
}

void http_listeners_drain(HttpServer *server)
{
        HttpListener *listener;

        LIST_FOREACH(listener, &server->listeners, entry) {
                (void) sd_event_source_set_enabled(listener->source, SD_EVENT_OFF);

                /* Who has just connected is about to ask, and nobody else can answer on that connection. */
                drain_phase(listener, HTTP_PHASE_READING);
                drain_phase(listener, HTTP_PHASE_IDLE);
                drain_phase(listener, HTTP_PHASE_KEEPALIVE);
                expect_late_of(listener);
        }
}

int http_listeners_init_deadlines(HttpServer *server)
{
        server->late_at_usec = USEC_INFINITY;

        int r = sd_event_add_time(server->event, &server->source_late, CLOCK_MONOTONIC, 0, 0, on_late,
                                  server);
        if (r < 0)
                return r;

        return sd_event_source_set_enabled(server->source_late, SD_EVENT_OFF);
}

HttpListener *http_listener_free(HttpListener *listener)
{
        sd_event_source_disable_unref(listener->source);
        (void) fd_close(listener->fd);
        free(listener);
        return NULL;
}

void http_listener_set_max(HttpListener *listener, size_t max_connections)
{
        listener->max_connections = max_connections;
        accept_replay(listener);
}

int http_server_listen_take(HttpServer *server, int fd, size_t max_connections, HttpListener **ret_listener)
{
        _cleanup_(http_listener_freep) HttpListener *listener = calloc(1, sizeof *listener);
        if (!listener) {
                (void) fd_close(fd);
                return -ENOMEM;
        }

        *listener = (HttpListener){ .server = server, .fd = fd, .max_connections = max_connections };
        for (HttpPhase phase = 0; phase < _HTTP_PHASE_MAX; phase++)
                TAILQ_INIT(&listener->phases[phase]);

        /* systemd hands over blocking sockets, and a client may be gone between poll and accept. */
        if (ioctl(fd, FIONBIO, &(int){ 1 }) < 0)
                return -errno;

        int r = sd_event_add_io(server->event, &listener->source, fd, EPOLLIN, on_acceptable, listener);
        if (r < 0)
                return r;

        if (ret_listener)
                *ret_listener = listener;
        LIST_INSERT_HEAD(&server->listeners, listener, entry);
        TAKE_PTR(listener);
        return 0;
}
