/* SPDX-License-Identifier: MIT */
#pragma once

/* The body of Api, for the files that share it; no others include this. */

#include "api/api.h"
#include "api/cache.h"
#include "api/collector-client.h"
#include "api/counters.h"
#include "api/listen.h"
#include "api/selftest.h"
#include "api/service.h"
#include "basic/backoff.h"
#include "basic/ratelimit.h"
#include "basic/sockaddr.h"
#include "bus/component.h"
#include "config/holder.h"
#include "event/idle.h"
#include "http/request.h"
#include "http/server.h"

#define API_LISTENERS_MAX 8

typedef struct ApiListener {
        HttpListener *http;
        SockAddr address;
        socklen_t address_size;
        ListenPurpose purpose;
        bool local;   /* a Unix socket: has a limit of its own */
        bool exposed; /* beyond loopback, and not by its purpose */
} ApiListener;

/* The metrics of a component, for scrapes. */
typedef struct ApiMetrics {
        Api *api;
        BusClient client;
        BusRequest request;
        sd_bus_message *reply; /* of the last scrape; NULL: it does not run */
} ApiMetrics;

struct Api {
        Daemon *daemon;
        sd_event *event; /* the daemon's */
        int proc_fd;
        ConfigHolder config;

        const char *listen[API_LISTENERS_MAX]; /* of --listen */
        size_t n_listen;

        HttpServer *server;
        ApiListener listeners[API_LISTENERS_MAX];
        size_t n_listeners;
        HttpResponse *health, *openapi;
        Cache *cache;
        Counters counters;
        RateLimit denied_limit;

        sd_bus *bus; /* NULL: not connected */
        sd_bus_slot *slot_disconnected;
        sd_event_source *bus_timer;
        Backoff bus_backoff;
        bool bus_lost; /* and logged */
        Component component;
        CollectorClient *collector;
        Selftest *selftest;
        BusClient services[_API_SERVICE_MAX];
        ApiMetrics metrics[_API_SERVICE_MAX];
        unsigned n_scraping; /* of these, pending */
        RateLimit enroll_limit;

        Idle idle;
        bool restarting;
};

/* api.c: after what org.devbox.Component1.Healthy depends on changed. */
void api_update_health(Api *api);

/* Stops with DAEMON_EXIT_RESTART, unless the configuration on disk is invalid: then returns
 * DEVBOX_ERROR_CONFIG_INVALID and what is wrong with it, kept in the api. */
int api_restart(Api *api, const char **ret_problem);

/* listeners.c: takes the sockets of systemd and those of --listen; logs what fails. */
int api_listen(Api *api);

/* After the configuration changed. */
void api_listeners_apply(Api *api);

/* Whether other machines reach it through the mesh. */
bool api_serves_mesh(const Api *api);

/* bus.c: connects, and retries in the background; the first failure is logged. */
int api_bus_start(Api *api);

/* After the collector's client and the self test, which use the bus, are freed. */
void api_bus_stop(Api *api);

/* routes.c */
extern const HttpRoute api_routes[];
extern const char *const api_cache_keys[];
int api_routes_init(Api *api);
void api_on_collector_reply(CollectorCall call, const BusReply *reply, void *owner);
void api_on_collector_changed(bool all, void *owner);

/* actions.c: whether the request has the token; otherwise it is answered. */
bool api_action_authorise(Api *api, HttpRequest *request, ActionKind kind);
void api_action_count(Api *api, ActionKind kind, ActionOutcome outcome);

/* method.c */
extern const BusService api_services[_API_SERVICE_MAX];

/* scrape.c */
extern const BusService api_metrics_service;
void api_fetch(unsigned key, void *owner);
