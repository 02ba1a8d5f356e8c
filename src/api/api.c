/* SPDX-License-Identifier: MIT */
/* devbox-api: its parts, its configuration, its end. */

#include "api/api-internal.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>

#include "basic/fd.h"
#include "event/daemon.h"
#include "log/log.h"

/* The Unix socket's own share, so that a flood on the port leaves the machine's users their way in. */
#define LOCAL_CONNECTIONS_MAX 64

/* While the configuration is invalid: little is asked, and the next activation reads it anew. */
#define INVALID_CONNECTIONS_MAX 64
#define INVALID_IDLE_EXIT_USEC  (5 * USEC_PER_SEC)

/* More waiting than connections there cannot be. */
#define WAITING_MAX (4096 + LOCAL_CONNECTIONS_MAX)

/* Whoever guesses tokens gets into the log, but does not fill it. */
#define DENIED_LIMIT ((RateLimit){ .interval_usec = 60 * USEC_PER_SEC, .burst = 10 })

static usec_t now(void *owner)
{
        usec_t now_usec = 0;

        (void) sd_event_now(((Api *) owner)->event, CLOCK_MONOTONIC, &now_usec);
        return now_usec;
}

static void fetch(unsigned key, void *owner)
{
        collector_client_call(((Api *) owner)->collector, (CollectorCall) key);
}

static bool admit(HttpRequest *request, const HttpRoute *route, void *owner)
{
        Api *api = owner;

        if (!api->config) {
                http_request_reject(request, DEVBOX_ERROR_CONFIG_INVALID, api->problem);
                return false;
        }

        return route->tag == ACTION_NONE || api_action_authorise(api, request, (ActionKind) route->tag);
}

static void on_answer(const HttpRoute *route, unsigned status, void *owner)
{
        Api *api = owner;
        size_t row = 0;

        while (api_routes[row].method && &api_routes[row] != route)
                row++;
        counters_count_answer(&api->counters, row, status);
        idle_touch(&api->idle);
}

/* The name goes back to the bus, the sockets stay with systemd, the loop ends. */
static void on_drained(void *owner)
{
        Api *api = owner;

        (void) component_retire(&api->component);
        if (api->component.bus)
                (void) component_exit(&api->component, api->exit_code);
        else
                (void) sd_event_exit(api->event, api->exit_code);
}

void api_stop(Api *api, int exit_code)
{
        if (api->stopping)
                return;

        api->stopping = true;
        api->exit_code = exit_code;
        daemon_notify_stopping();
        http_server_drain(api->server);
}

/* ---- configuration */

static int log_invalid(const Api *api, const char *consequence)
{
        return log_full(LOG_ERR, 0, LOG_FIELDS({ "MESSAGE_ID", MESSAGE_CONFIG_INVALID }),
                        "The configuration has an error, %s: %s", consequence, api->problem);
}

/* Reads the file anew. A bad one changes nothing but `problem`. */
static int load(Api *api, Config **ret_config)
{
        char *problem = NULL;

        int r = config_load(config_path(), ret_config, &problem);
        if (r < 0)
                return r;

        free(api->problem);
        api->problem = problem;
        return r;
}

void api_update_health(Api *api)
{
        component_set_healthy(&api->component,
                              api->config && !api->problem && !collector_client_lost(api->collector));
}

/* Says in the log, at every start and reload, that a port is open to others, or that it would be. */
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
        if (listener->local)
                return LOCAL_CONNECTIONS_MAX;
        if (listener->exposed && !may_be_exposed(config))
                return 0;

        return config ? config->api_max_connections : INVALID_CONNECTIONS_MAX;
}

static void apply(Api *api)
{
        const Config *config = api->config;

        http_server_set_exposed(api->server, config && config->http_insecure_expose);
        for (size_t i = 0; i < api->n_listeners; i++)
                http_listener_set_max(api->listeners[i].http, max_connections(config, &api->listeners[i]));

        if (config)
                cache_set_ttl(api->cache, config->api_cache_ttl_usec);
        for (unsigned key = 0; api_cache_keys[key]; key++)
                cache_invalidate(api->cache, key);

        (void) idle_set_after(&api->idle, config ? config->api_idle_exit_usec : INVALID_IDLE_EXIT_USEC);
        api_update_health(api);
}

/* The socket belongs to systemd: a new address takes effect there. */
static void tell_other_address(const Config *old, const Config *new)
{
        if (streq(old->http_host, new->http_host) && old->http_port == new->http_port)
                return;

        log_warning("http.host or http.port changed; to listen there: systemctl daemon-reload && "
                    "systemctl restart devbox-api.socket");
}

int api_on_reload(void *owner)
{
        _cleanup_(config_freep) Config *config = NULL;
        Api *api = owner;

        daemon_notify_reloading();
        int r = load(api, &config);
        if (r < 0)
                (void) log_error_errno(r, "Cannot read the configuration, going on with the one before");
        else if (r > 0) {
                (void) log_invalid(api, api->config ? "going on with the one before"
                                                    : "nothing can be answered until it is fixed");
                api_update_health(api);
        } else {
                if (api->config)
                        tell_other_address(api->config, config);
                config_free(api->config);
                api->config = TAKE_PTR(config);
                api->stale_told = false;
                apply(api);
                (void) log_full(LOG_NOTICE, 0, LOG_FIELDS({ "MESSAGE_ID", MESSAGE_CONFIG_RELOADED }),
                                "The configuration was read again");
        }
        daemon_notify_ready();
        return 0;
}

int api_restart(Api *api, const char **ret_problem)
{
        _cleanup_(config_freep) Config *config = NULL;

        int r = load(api, &config);
        if (r < 0)
                return r;
        if (r > 0) {
                (void) log_invalid(api, "not restarting");
                api_update_health(api);
                *ret_problem = api->problem;
                return r;
        }

        api_stop(api, API_EXIT_RESTART);
        return 0;
}

/* What runs on a good configuration does not give itself up for a bad one. */
static bool may_leave(Api *api)
{
        _cleanup_(config_freep) Config *config = NULL;

        if (!api->config || load(api, &config) == 0)
                return true;

        api_update_health(api);
        if (!api->stale_told)
                (void) log_invalid(api, "staying with the one before");
        api->stale_told = true;
        return false;
}

static int on_idle(void *owner)
{
        Api *api = owner;

        if (http_server_stats(api->server)->n_connections == 0 && may_leave(api))
                api_stop(api, EXIT_SUCCESS);
        return 0;
}

/* ---- listening */

static bool address_is_loopback(const struct sockaddr_storage *address)
{
        if (address->ss_family == AF_INET6) {
                const struct in6_addr *v6 = &((const struct sockaddr_in6 *) address)->sin6_addr;

                return IN6_IS_ADDR_LOOPBACK(v6);
        }

        return address->ss_family == AF_INET &&
               ntohl(((const struct sockaddr_in *) address)->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}

int api_listen_take(Api *api, int take_fd)
{
        _cleanup_(fd_closep) int fd = take_fd;
        struct sockaddr_storage address = { 0 };
        socklen_t size = sizeof address;

        if (api->n_listeners >= API_LISTENERS_MAX)
                return -E2BIG;
        if (getsockname(fd, (struct sockaddr *) &address, &size) < 0)
                return -errno;

        ApiListener listener = { .local = address.ss_family == AF_UNIX };
        listener.exposed = !listener.local && !address_is_loopback(&address);

        size_t max = max_connections(api->config, &listener);
        int r = http_server_listen_take(api->server, TAKE_FD(fd), max, &listener.http);
        if (r < 0)
                return r;

        api->listeners[api->n_listeners++] = listener;
        return 0;
}

/* ---- beginning and end */

int api_new(Api **ret_api)
{
        Api *api = calloc(1, sizeof *api);
        if (!api)
                return -ENOMEM;

        *api = (Api){ .proc_fd = -EBADF, .denied_limit = DENIED_LIMIT };
        *ret_api = api;
        return 0;
}

Api *api_free(Api *api)
{
        /* Who would answer goes before the cache that waits for it, that before the server whose requests
         * wait: so nothing that is gone is answered. */
        collector_client_freep(&api->collector);
        selftest_freep(&api->selftest);
        cache_freep(&api->cache);
        if (api->server)
                http_server_free(api->server);
        api_bus_stop(api);
        idle_done(&api->idle);

        http_response_unref(api->health);
        http_response_unref(api->openapi);
        config_freep(&api->config);
        free(api->problem);
        fd_closep(&api->proc_fd);
        sd_event_unref(api->event);
        free(api);
        return NULL;
}

static int make_parts(Api *api)
{
        static const HttpHandlers http_handlers = { admit, on_answer, on_drained };
        const CacheOptions cache_options = { .n_keys = _COLLECTOR_CALL_MAX,
                                             .ttl_usec = USEC_PER_SEC,
                                             .waiting_max = WAITING_MAX,
                                             .handlers = { fetch, now },
                                             .owner = api };
        static const CollectorHandlers collector_handlers = { api_on_collector_answer,
                                                              api_on_units_changed };

        int r = http_server_new(api->event, api_routes, &http_handlers, &HTTP_LIMITS_DEFAULT, &api->server);
        if (r < 0)
                return r;
        http_server_set_owner(api->server, api);

        r = cache_new(&cache_options, &api->cache);
        if (r < 0)
                return r;
        r = collector_client_new(&collector_handlers, api, &api->collector);
        if (r < 0)
                return r;
        r = selftest_new(&api->selftest);
        if (r < 0)
                return r;
        r = idle_init(&api->idle, api->event, USEC_INFINITY, on_idle, api);
        if (r < 0)
                return r;

        return api_routes_init(api);
}

int api_start(Api *api, sd_event *event)
{
        api->event = sd_event_ref(event);
        api->proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (api->proc_fd < 0)
                return -errno;

        int r = load(api, &api->config);
        if (r < 0)
                return r;
        if (r > 0)
                (void) log_invalid(api, "nothing can be answered until it is fixed");

        r = make_parts(api);
        if (r < 0)
                return r;
        r = api_bus_start(api);
        if (r < 0)
                return r;

        apply(api);
        return 0;
}

int api_on_stop(void *owner)
{
        api_stop(owner, EXIT_SUCCESS);
        return 0;
}
