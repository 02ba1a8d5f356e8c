/* SPDX-License-Identifier: MIT */
/* Accepts connections from the listening sockets.
 *
 * libmicrohttpd gets accepted connections only. So a listening socket, which belongs to systemd and to the
 * next process, is never touched by it, and every connection is known from its first moment.
 *
 * All connections share a budget of bytes (budget.h). Clients over TCP are one user of it: when their share
 * or the listener's own limit is used up, more of them wait in the kernel's backlog, idle connections are
 * closed, and the deadlines of the others are short. On a Unix socket each user has a share; connections
 * beyond it are closed, and other users are not affected.
 *
 * A listener may have a scope: it then serves some routes to some sources. A connection from another source
 * is closed before a byte of it is read. */

#include <sys/ioctl.h>
#include <sys/socket.h>

#include "basic/fd.h"
#include "http/server-internal.h"
#include "log/log.h"

/* How many connections are accepted in one iteration of the loop. */
#define ACCEPT_BURST 16

static bool has_room(const HttpListener *listener)
{
        HttpServer *server = listener->server;

        return listener->n_connections < listener->options.max_connections &&
               (listener->local || http_budget_allows(&server->budget, HTTP_USER_UNKNOWN,
                                                      http_connection_cost(&server->limits)));
}

static void set_paused(HttpListener *listener, bool paused)
{
        listener->paused = paused;
        (void) sd_event_source_set_enabled(listener->source, paused ? SD_EVENT_OFF : SD_EVENT_ON);
}

static void listener_pause(HttpListener *listener)
{
        HttpServer *server = listener->server;

        set_paused(listener, true);
        if (listener->options.max_connections == 0)
                return;

        server->at_limit = true;
        server->stats.at_limit_total++;
        http_connections_evict(listener);
        LIST_FOREACH(listener, &server->listeners, entry)
                http_expiry_update(listener);
}

void http_listeners_resume(HttpServer *server)
{
        HttpListener *listener;

        if (server->draining)
                return;

        server->at_limit = false;
        LIST_FOREACH(listener, &server->listeners, entry) {
                if (listener->paused && has_room(listener))
                        set_paused(listener, false);
                server->at_limit |= listener->paused && listener->options.max_connections > 0;
        }
}

/* Whether to stop accepting for now after accept4(2) failed. Errors of a connection that failed before it
 * was accepted are skipped. Source: accept(2), Linux. */
static bool accept_must_stop(HttpListener *listener, int error)
{
        const HttpLimits *limits = &listener->server->limits;
        usec_t now_usec = 0;

        switch (error) {
        case EAGAIN:
                return true;
        case EMFILE:
        case ENFILE:
        case ENOBUFS:
        case ENOMEM: /* retry when a connection closes, or after at_limit_usec */
                listener_pause(listener);
                (void) sd_event_now(listener->server->event, CLOCK_MONOTONIC, &now_usec);
                http_expiry_expect(listener->server, now_usec + limits->at_limit_usec);
                return true;
        case EBADF:
        case EINVAL:
        case ENOTSOCK:
        case EOPNOTSUPP: /* permanent */
                log_debug("A socket is no longer listening, ignoring it");
                (void) sd_event_source_set_enabled(listener->source, SD_EVENT_OFF);
                return true;
        default:
                return false;
        }
}

/* A connection of TCP inherits them from its listening socket, and so has them before it is accepted. A
 * client that is gone without a word has as long as one that does not read: to the kernel both are one.
 * Where clients may pause, connection.c looks for those that are gone. */
static void set_options(const HttpListener *listener, int fd)
{
        const HttpLimits *limits = &listener->server->limits;
        int size = (int) limits->socket_bytes;

        (void) setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
        (void) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
        if (!listener->local)
                fd_set_peer_timeout(fd, listener->options.may_pause
                                                ? 0
                                                : (unsigned) (limits->response_usec / USEC_PER_MSEC));
}

static bool source_allowed(const HttpListener *listener, const SockAddr *address)
{
        const IpPrefix *sources = &listener->options.sources;
        IpPrefix source;

        return sources->family == AF_UNSPEC ||
               (ip_prefix_from_sockaddr(address, &source) == 0 && ip_prefix_contains(sources, &source));
}

static void take_connection(HttpListener *listener, int fd, const SockAddr *address, socklen_t size)
{
        HttpServer *server = listener->server;
        HttpConnection *connection;

        if (listener->local)
                set_options(listener, fd);
        if (!source_allowed(listener, address) || http_connection_new(listener, fd, &connection) < 0) {
                server->stats.rejected_total++;
                (void) fd_close(fd);
                return;
        }

        /* From here on libmicrohttpd closes the descriptor, also on failure; and if it announced the
         * connection, it has announced its end as well. */
        enum MHD_Result taken = MHD_add_connection(server->daemon, fd, &address->any, size);
        connection = http_connection_find_pending(server, fd);
        if (connection && taken == MHD_NO)
                http_connection_free(connection);
        else if (connection)
                http_server_wake(server);
}

static int on_acceptable(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        HttpListener *listener = userdata;

        for (int i = 0; i < ACCEPT_BURST; i++) {
                SockAddr address;
                socklen_t size = sizeof address;

                if (!has_room(listener)) {
                        listener_pause(listener);
                        break;
                }

                int connection = accept4(fd, &address.any, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
                if (connection >= 0)
                        take_connection(listener, connection, &address, size);
                else if (accept_must_stop(listener, errno))
                        break;
        }

        return 0;
}

void http_listener_drain(HttpListener *listener)
{
        (void) sd_event_source_set_enabled(listener->source, SD_EVENT_OFF);
        http_connections_drain(listener);
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
        listener->options.max_connections = max_connections;
        http_listeners_resume(listener->server);
}

static bool is_local(int fd)
{
        int domain = AF_UNSPEC;
        socklen_t size = sizeof domain;

        return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) >= 0 && domain == AF_UNIX;
}

static int set_own_address(HttpListener *listener)
{
        SockAddr address = { 0 };
        socklen_t size = sizeof address;

        if (getsockname(listener->fd, &address.any, &size) < 0)
                return -errno;

        return ip_prefix_from_sockaddr(&address, &listener->own_address);
}

int http_server_listen_take(HttpServer *server, int fd, const HttpListenerOptions *options,
                            HttpListener **ret_listener)
{
        _cleanup_(http_listener_freep) HttpListener *listener = calloc(1, sizeof *listener);
        if (!listener) {
                (void) fd_close(fd);
                return -ENOMEM;
        }

        *listener = (HttpListener){ .server = server, .fd = fd, .local = is_local(fd), .options = *options };
        int r = options->own_host ? set_own_address(listener) : 0;
        if (r < 0)
                return r;

        set_options(listener, fd);
        for (HttpPhase phase = 0; phase < _HTTP_PHASE_MAX; phase++)
                TAILQ_INIT(&listener->phases[phase]);

        /* systemd passes blocking sockets, and a client may have left between poll and accept. */
        if (ioctl(fd, FIONBIO, &(int){ 1 }) < 0)
                return -errno;

        r = sd_event_add_io(server->event, &listener->source, fd, EPOLLIN, on_acceptable, listener);
        if (r < 0)
                return r;

        if (ret_listener)
                *ret_listener = listener;
        LIST_INSERT_HEAD(&server->listeners, listener, entry);
        TAKE_PTR(listener);
        return 0;
}
