/* SPDX-License-Identifier: MIT */
/* The listening sockets of devbox-api: their origin, their clients, and their limits. */

#include <stdio.h>
#include <systemd/sd-daemon.h>

#include "api/api-internal.h"
#include "basic/fd.h"
#include "log/log.h"

/* While the configuration is invalid there are few requests. */
#define INVALID_CONNECTIONS_MAX 64

/* Other machines share the memory of all clients over TCP, but may not use it up: a device polls once in a
 * while, one that enrols has one connection. */
static const size_t remote_connections_max[_LISTEN_PURPOSE_MAX] = {
        [LISTEN_MESH] = 64,
        [LISTEN_BOOTSTRAP] = 16,
};

bool api_serves_mesh(const Api *api)
{
        for (size_t i = 0; i < api->n_listeners; i++)
                if (api->listeners[i].purpose != LISTEN_LOCAL)
                        return true;

        return false;
}

/* Logs at every start and reload that a port is open to others, or that it would be. */
static bool may_be_exposed(const Config *config)
{
        if (config && config->http_insecure_expose) {
                (void) log_full(
                        LOG_WARNING, 0, LOG_FIELDS({ "MESSAGE_ID", MESSAGE_INSECURE_EXPOSE }),
                        "http.insecure_expose is on: whoever reaches this machine can read its state, "
                        "and the token travels unencrypted");
                return true;
        }

        log_error("A socket beyond loopback was handed over, and the configuration does not allow it: set "
                  "http.insecure_expose: true, or http.host: 127.0.0.1; not listening there");
        return false;
}

static size_t max_connections(const Config *config, const ApiListener *listener)
{
        if (listener->purpose != LISTEN_LOCAL)
                return remote_connections_max[listener->purpose];
        if (listener->local)
                return SIZE_MAX; /* each user has a share of the server's memory instead */
        if (listener->exposed && !may_be_exposed(config))
                return 0;

        return config ? config->api_max_connections : INVALID_CONNECTIONS_MAX;
}

void api_listeners_apply(Api *api)
{
        const Config *config = api->config.config;

        http_server_set_exposed(api->server, config && config->http_insecure_expose);
        for (size_t i = 0; i < api->n_listeners; i++)
                http_listener_set_max(api->listeners[i].http, max_connections(config, &api->listeners[i]));
}

static int listen_take(Api *api, int take_fd, const char *name)
{
        _cleanup_(fd_closep) int fd = take_fd;
        ApiListener listener = { .address_size = sizeof listener.address };
        HttpListenerOptions options = { 0 };

        if (api->n_listeners >= API_LISTENERS_MAX)
                return -E2BIG;
        if (getsockname(fd, &listener.address.any, &listener.address_size) < 0)
                return -errno;
        int r = listen_parse_name(name, &listener.purpose, &options.sources);
        if (r < 0)
                return r;

        listener.local = listener.address.any.sa_family == AF_UNIX;
        listener.exposed = listener.purpose == LISTEN_LOCAL && !sockaddr_is_loopback(&listener.address);
        options.own_host = listener.purpose != LISTEN_LOCAL;
        options.scope = options.own_host ? 1U << listener.purpose : 0;
        options.max_connections = max_connections(api->config.config, &listener);
        r = http_server_listen_take(api->server, TAKE_FD(fd), &options, &listener.http);
        if (r < 0)
                return r;

        api->listeners[api->n_listeners++] = listener;
        return 0;
}

/* Shows the addresses in the unit's status as well. ListenStream= of the socket unit has those that it
 * should listen on: the two differ from a daemon-reload with another address to the restart of the socket.
 */
static int listen_and_note_take(Api *api, int fd, const char *name, Text *status)
{
        text_append(status, status->size > 0 ? ", " : "Listening on ");
        (void) listen_append_address(fd, status); /* where it fails, so does the next */
        return listen_take(api, fd, name);
}

static void names_freep(char ***names)
{
        for (char **name = *names; name && *name; name++)
                free(*name);
        free(*names);
}

int api_listen(Api *api)
{
        _cleanup_(text_done) Text status = TEXT_NULL;
        _cleanup_(names_freep) char **names = NULL;
        int n_fds = sd_listen_fds_with_names(true, &names);

        if (n_fds < 0)
                return log_error_errno(n_fds, "Cannot take the sockets of systemd");
        if (n_fds == 0 && api->n_listen == 0)
                return log_error_errno(-EDESTADDRREQ,
                                       "No socket to listen on: start devbox-api.socket, or give --listen");

        for (int i = 0; i < n_fds; i++) {
                int r = listen_and_note_take(api, SD_LISTEN_FDS_START + i, names[i], &status);
                if (r < 0)
                        return log_error_errno(r, "Cannot listen on the socket '%s' of systemd", names[i]);
        }
        for (size_t i = 0; i < api->n_listen; i++) {
                int fd = listen_on(api->listen[i]);
                int r = fd < 0 ? fd : listen_and_note_take(api, fd, "", &status);
                if (r < 0)
                        return log_error_errno(r, "Cannot listen on %s", api->listen[i]);
        }

        if (status.error == 0)
                daemon_notify_status(status.data);
        return 0;
}
