/* SPDX-License-Identifier: MIT */
/* The api on the bus: org.devbox.Api1 with org.devbox.Component1, and the connection that its calls use. */

#include "api/api-internal.h"
#include "log/log.h"

/* A lost bus is back within seconds or with the next boot. */
#define RETRY_MIN_USEC (1 * USEC_PER_SEC)
#define RETRY_MAX_USEC (32 * USEC_PER_SEC)
#define BUS_BACKOFF    ((Backoff){ .min_usec = RETRY_MIN_USEC, .max_usec = RETRY_MAX_USEC })

/* A call that gets no answer must not hold up the end of the process. */
#define CALL_DEADLINE_USEC (2 * USEC_PER_SEC)

static int append_metrics(sd_bus_message *reply, void *owner)
{
        const Api *api = owner;
        const HttpStats *http = http_server_stats(api->server);
        const BusClientStats *collector = collector_client_stats(api->collector);
        uint64_t hits = 0, misses = 0, waiting = 0, accepted = 0, denied = 0;

        for (unsigned key = 0; api_cache_keys[key]; key++) {
                const CacheStats *stats = cache_stats(api->cache, key);

                hits += stats->hits;
                misses += stats->misses;
                waiting += stats->n_waiting;
        }
        for (ActionKind kind = ACTION_NONE + 1; kind < _ACTION_KIND_MAX; kind++) {
                accepted += api->counters.actions[kind][ACTION_ACCEPTED];
                denied += api->counters.actions[kind][ACTION_DENIED];
        }

        const ComponentMetric metrics[] = {
                { "requests_total", api->counters.answers_total },
                { "requests_malformed_total", http->malformed_total },
                { "requests_waiting", waiting },
                { "connections", http->n_connections },
                { "connections_total", http->connections_total },
                { "connections_cut_total", http->expired_total },
                { "connections_crowded_total", http->at_limit_total },
                { "connections_rejected_total", http->rejected_total },
                { "cache_hits_total", hits },
                { "cache_misses_total", misses },
                { "dbus_calls_total", collector->calls_total },
                { "dbus_call_failures_total", collector->failed_total },
                { "actions_accepted_total", accepted },
                { "actions_denied_total", denied },
        };

        return component_append_metrics(reply, metrics, ELEMENTSOF(metrics));
}

static int restart(void *owner, const char **ret_detail)
{
        return api_restart(owner, ret_detail);
}

static void close_bus(Api *api)
{
        component_detach(&api->component);
        api->slot_disconnected = sd_bus_slot_unref(api->slot_disconnected);
        api->bus = sd_bus_flush_close_unref(api->bus);
}

static void disconnect(Api *api)
{
        for (size_t i = 0; i < _API_SERVICE_MAX; i++)
                bus_client_detach(&api->metrics[i].client);
        collector_client_detach(api->collector);
        for (size_t i = 0; i < _API_SERVICE_MAX; i++)
                bus_client_detach(&api->services[i]);
        selftest_detach(api->selftest);
        close_bus(api);
}

static int on_disconnected(sd_bus_message *message, void *userdata, sd_bus_error *ret_error);

/* Only now the connection is a success: a bus that accepts and closes it again is not back. */
static void on_name_owned(void *owner)
{
        Api *api = owner;

        backoff_reset(&api->bus_backoff);
        if (TAKE(api->bus_lost, false))
                log_notice("The system bus is back");
}

static int attach(Api *api)
{
        int r = sd_bus_set_method_call_timeout(api->bus, CALL_DEADLINE_USEC);
        if (r < 0)
                return r;
        r = sd_bus_match_signal(api->bus, &api->slot_disconnected, "org.freedesktop.DBus.Local",
                                "/org/freedesktop/DBus/Local", "org.freedesktop.DBus.Local", "Disconnected",
                                on_disconnected, api);
        if (r < 0)
                return r;
        r = collector_client_attach(api->collector, api->bus);
        if (r < 0)
                return r;

        selftest_attach(api->selftest, api->bus);
        for (size_t i = 0; i < _API_SERVICE_MAX; i++) {
                bus_client_attach(&api->services[i], api->bus);
                bus_client_attach(&api->metrics[i].client, api->bus);
        }
        return component_attach(&api->component, api->bus);
}

/* The first failure of several is logged. */
static void retry_later(Api *api, int error)
{
        usec_t delay_usec = backoff_next(&api->bus_backoff);

        if (!TAKE(api->bus_lost, true))
                (void) log_warning_errno(error, "The system bus is lost, connecting again in %u s",
                                         (unsigned) (delay_usec / USEC_PER_SEC));
        (void) sd_event_source_set_time_relative(api->bus_timer, delay_usec);
        (void) sd_event_source_set_enabled(api->bus_timer, SD_EVENT_ONESHOT);
}

static void connect_bus(Api *api)
{
        int r = sd_bus_open_system_with_description(&api->bus, "devbox-api");
        if (r >= 0)
                r = sd_bus_attach_event(api->bus, api->event, SD_EVENT_PRIORITY_NORMAL);
        if (r >= 0)
                r = attach(api);
        if (r >= 0)
                return;

        disconnect(api);
        retry_later(api, r);
}

static int on_disconnected(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
        Api *api = userdata;

        disconnect(api);
        retry_later(api, -ECONNRESET);
        return 0;
}

static int on_retry(sd_event_source *source, uint64_t now_usec, void *userdata)
{
        connect_bus(userdata);
        return 0;
}

int api_bus_start(Api *api)
{
        api->component = (Component){ .name = "Api1",
                                      .append_metrics = append_metrics,
                                      .restart = restart,
                                      .on_name_owned = on_name_owned,
                                      .owner = api,
                                      .started_at_usec = time_now(CLOCK_REALTIME),
                                      .healthy = !!api->config.config };
        api->bus_backoff = BUS_BACKOFF;

        int r = sd_event_add_time(api->event, &api->bus_timer, CLOCK_MONOTONIC, 0, 0, on_retry, api);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(api->bus_timer, SD_EVENT_OFF);
        if (r < 0)
                return r;

        connect_bus(api);
        return 0;
}

void api_bus_stop(Api *api)
{
        api->bus_timer = sd_event_source_disable_unref(api->bus_timer);
        close_bus(api);
}
