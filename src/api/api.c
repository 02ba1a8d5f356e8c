/* SPDX-License-Identifier: MIT */
/* devbox-api: its parts, its configuration, its end. */

#include "api/api-internal.h"

#include <fcntl.h>
#include <stdio.h>

#include "basic/fd.h"
#include "basic/sockaddr.h"
#include "log/log.h"
#include "sample/sample-bus.h"

/* While the configuration is invalid: the next activation reads it anew. */
#define INVALID_IDLE_EXIT_USEC (5 * USEC_PER_SEC)

/* More waiting than connections there cannot be. */
#define WAITING_MAX 4096

/* Guessing tokens is logged, but must not fill the log. */
#define DENIED_LIMIT ((RateLimit){ .interval_usec = 60 * USEC_PER_SEC, .burst = 10 })

/* Claims that reach devbox-mesh: a device sends one a second while its operator decides. */
#define ENROLL_LIMIT ((RateLimit){ .interval_usec = 1 * USEC_PER_SEC, .burst = 32 })

static usec_t now(void *owner)
{
        usec_t now_usec = 0;

        (void) sd_event_now(((Api *) owner)->event, CLOCK_MONOTONIC, &now_usec);
        return now_usec;
}

static bool admit(HttpRequest *request, const HttpRoute *route, void *owner)
{
        Api *api = owner;

        if (!api->config.config) {
                http_request_reject(request, DEVBOX_ERROR_CONFIG_INVALID, api->config.problem);
                return false;
        }

        return route->tag == ACTION_NONE || api_action_authorise(api, request, (ActionKind) route->tag);
}

static void on_response(const HttpRoute *route, unsigned status, void *owner)
{
        Api *api = owner;
        size_t row = 0;

        while (api_routes[row].method && &api_routes[row] != route)
                row++;
        counters_count_answer(&api->counters, row, status);
        idle_touch(&api->idle);
}

/* Leaves a connection in the socket that systemd keeps: the next process is started for it as soon as this
 * one has ended. A restart that was requested is so an activation, and Restart= is for crashes only. */
static void trigger_socket(const Api *api)
{
        const ApiListener *listener = &api->listeners[0];

        for (size_t i = 0; i < api->n_listeners; i++)
                if (api->listeners[i].local)
                        listener = &api->listeners[i];

        _cleanup_(fd_closep) int fd =
                socket(listener->address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0 || (connect(fd, &listener->address.any, listener->address_size) < 0 && errno != EAGAIN))
                (void) log_warning_errno(-errno, "Cannot connect to the own socket, ignoring");
}

/* The name goes back to the bus, the sockets stay with systemd. */
static void on_drained(void *owner)
{
        Api *api = owner;

        if (api->restarting)
                trigger_socket(api);

        (void) component_retire(&api->component);
        daemon_exit(api->daemon, api->bus);
}

int api_stop(void *self)
{
        http_server_drain(((Api *) self)->server);
        return 0;
}

/* ---- configuration */

void api_update_health(Api *api)
{
        bool answered = !collector_client_lost(api->collector) &&
                        !(api_serves_mesh(api) && api->services[API_SERVICE_MESH].lost);

        component_set_healthy(&api->component, api->config.config && !api->config.problem && answered);
}

static void apply(Api *api)
{
        const Config *config = api->config.config;

        api_listeners_apply(api);
        if (config)
                cache_set_ttl(api->cache, config->api_cache_ttl_usec);
        api_on_collector_changed(true, api);

        (void) idle_set_after(&api->idle, config ? config->api_idle_exit_usec : INVALID_IDLE_EXIT_USEC);
        api_update_health(api);
}

/* systemd owns the socket: a new address takes effect when it is restarted. */
static void log_other_address(const Config *old, const Config *new)
{
        if (streq(old->http_host, new->http_host) && old->http_port == new->http_port)
                return;

        log_warning("http.host or http.port changed; to listen there: systemctl daemon-reload && "
                    "systemctl restart devbox-api.socket");
}

int api_reload(void *self)
{
        _cleanup_(config_freep) Config *config = NULL, *old = NULL;
        Api *api = self;

        config_holder_repeat(&api->config);
        int r = config_holder_read(&api->config, &config);
        if (r < 0)
                (void) log_error_errno(r, "Cannot read the configuration, keeping the last valid one");
        if (r != 0) {
                api_update_health(api);
                return 0;
        }

        old = config_holder_replace_take(&api->config, TAKE_PTR(config));
        if (old)
                log_other_address(old, api->config.config);
        apply(api);
        (void) log_full(LOG_NOTICE, 0, LOG_FIELDS({ "MESSAGE_ID", MESSAGE_CONFIG_RELOADED }),
                        "The configuration was read again");
        return 0;
}

/* Whether the file is valid now: before the process gives up the valid configuration that it has. */
static int check_config(Api *api)
{
        _cleanup_(config_freep) Config *config = NULL;

        int r = config_holder_read(&api->config, &config);
        api_update_health(api);
        return r;
}

int api_restart(Api *api, const char **ret_problem)
{
        int r = check_config(api);
        if (r == 0) {
                api->restarting = true;
                daemon_stop(api->daemon, DAEMON_EXIT_RESTART);
        }

        *ret_problem = api->config.problem;
        return r;
}

static int on_idle(void *owner)
{
        Api *api = owner;

        if (http_server_stats(api->server)->n_connections == 0 &&
            (!api->config.config || check_config(api) == 0))
                daemon_stop(api->daemon, EXIT_SUCCESS);
        return 0;
}

/* ---- the object */

int api_add_listen(void *self, const char *address)
{
        Api *api = self;

        if (api->n_listen >= ELEMENTSOF(api->listen))
                return -E2BIG;

        api->listen[api->n_listen++] = address;
        return 0;
}

void *api_new(void)
{
        Api *api = calloc(1, sizeof *api);
        if (!api)
                return NULL;

        *api = (Api){ .proc_fd = -EBADF,
                      .denied_limit = DENIED_LIMIT,
                      .enroll_limit = ENROLL_LIMIT,
                      .config.consequence = "nothing can be answered until it is fixed" };
        for (size_t i = 0; i < _API_SERVICE_MAX; i++) {
                api->services[i].service = &api_services[i];
                api->metrics[i] = (ApiMetrics){ .api = api, .client.service = &api_metrics_service };
        }
        return api;
}

void api_free(void *self)
{
        Api *api = self;

        /* In reverse dependency order: the clients complete pending calls into requests and the cache, and
         * the cache answers requests of the server. */
        for (size_t i = 0; i < _API_SERVICE_MAX; i++) {
                bus_client_detach(&api->services[i]);
                bus_client_done(&api->metrics[i].client);
                sd_bus_message_unref(api->metrics[i].reply);
        }
        collector_client_freep(&api->collector);
        selftest_freep(&api->selftest);
        cache_freep(&api->cache);
        if (api->server)
                http_server_free(api->server);
        api_bus_stop(api);
        idle_done(&api->idle);

        http_response_unref(api->health);
        http_response_unref(api->openapi);
        config_holder_done(&api->config);
        fd_closep(&api->proc_fd);
        free(api);
}

static int make_parts(Api *api)
{
        static const HttpHandlers http_handlers = { admit, on_response, on_drained };
        /* Results are cached no longer than the collector watches for changes, counted from before the
         * reply. */
        const usec_t watched_usec = UNITS_WATCH_USEC - COLLECTOR_DEADLINE_USEC;
        const usec_t ttl_max_usec[] = { [COLLECTOR_CALL_SYSTEM] = USEC_INFINITY,
                                        [COLLECTOR_CALL_UNITS] = watched_usec,
                                        [COLLECTOR_CALL_SNAPSHOT] = watched_usec };
        const CacheOptions cache_options = { .n_keys = _COLLECTOR_CALL_MAX,
                                             .ttl_usec = USEC_PER_SEC,
                                             .ttl_max_usec = ttl_max_usec,
                                             .waiting_max = WAITING_MAX,
                                             .handlers = { api_fetch, now },
                                             .owner = api };
        static const CollectorHandlers collector_handlers = { api_on_collector_reply,
                                                              api_on_collector_changed };

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

int api_start(void *self, Daemon *daemon)
{
        Api *api = self;

        api->daemon = daemon;
        api->event = daemon_event(daemon);
        api->proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (api->proc_fd < 0)
                return -errno;

        int r = config_holder_load(&api->config);
        if (r < 0)
                return r;
        r = make_parts(api);
        if (r < 0)
                return r;
        r = api_bus_start(api);
        if (r < 0)
                return r;

        apply(api);
        r = api_listen(api);
        return r < 0 ? -EALREADY : 0;
}
