/* SPDX-License-Identifier: MIT */
/* GET /metrics.
 *
 * A family is a row: name, type, help, and the function that adds its samples. The families of the machine
 * follow from the field tables of sample/. Label values come from the configuration, from the kernel's
 * device names and from our own tables, never from a client. */

#include "api/metrics.h"

#include <stdio.h>

#include "api/revision.h"
#include "sample/sample-metrics.h"

#define LABELS    PROMETHEUS_LABELS
#define NO_LABELS PROMETHEUS_NO_LABELS

/* Then the name that the component has for it. */
#define MESH     "devbox_mesh_"
#define DISPATCH "devbox_dispatch_"
#define LEDGER   "devbox_ledger_"
#define MATRIX   "devbox_matrix_"

typedef struct Family {
        PrometheusFamily family;
        void (*add)(Prometheus *prometheus, const MetricsSource *source, size_t offset);
        size_t offset; /* of the figure, for functions that serve several families */
} Family;

static uint64_t u64_at(const void *object, size_t offset)
{
        return *(const uint64_t *) ((const char *) object + offset);
}

static void add_build_info(Prometheus *prometheus, const MetricsSource *source, size_t offset)
{
        prometheus_add_u64(prometheus,
                           LABELS({ "version", DEVBOX_VERSION }, { "revision", DEVBOX_REVISION }), 1);
}

/* Begins the families of the sample itself. */
static void add_system(Prometheus *prometheus, const MetricsSource *source, size_t offset)
{
        if (source->system)
                system_sample_add_metrics(prometheus, source->system);
}

/* ---- units */

/* The unit type of "ssh.service" is "service". */
static const char *unit_type(const UnitSample *unit)
{
        const char *dot = strrchr(unit->id, '.');

        return dot ? dot + 1 : "";
}

/* The next unit after `unit` (NULL: the first), or NULL. Two configured names of one unit count once. */
static const UnitSample *next_unit(const MetricsSource *source, const UnitSample *unit)
{
        const UnitSample *first, *end, *earlier;

        if (!source->units)
                return NULL;

        first = source->units->units;
        end = first + source->units->n_units;
        for (unit = unit ? unit + 1 : first; unit < end; unit++) {
                for (earlier = first; earlier < unit && !streq(earlier->id, unit->id); earlier++)
                        ;
                if (earlier == unit)
                        return unit;
        }

        return NULL;
}

static void add_one_state(Prometheus *prometheus, const UnitSample *unit, const char *name)
{
        prometheus_add_u64(prometheus,
                           LABELS({ "name", unit->id }, { "type", unit_type(unit) }, { "state", name }),
                           streq(unit->active_state, name));
}

static void add_unit_state(Prometheus *prometheus, const MetricsSource *source, size_t offset)
{
        const UnitSample *unit = NULL;

        while ((unit = next_unit(source, unit))) {
                if (streq(unit_sample_state(unit), "not-found"))
                        continue;
                for (const char *const *name = unit_states; *name; name++)
                        add_one_state(prometheus, unit, *name);
                if (unit_state_is_active(unit->active_state) < 0) /* of a later systemd */
                        add_one_state(prometheus, unit, unit->active_state);
        }
}

static void add_unit_loaded(Prometheus *prometheus, const MetricsSource *source, size_t offset)
{
        const UnitSample *unit = NULL;

        while ((unit = next_unit(source, unit)))
                prometheus_add_u64(prometheus, LABELS({ "name", unit->id }, { "type", unit_type(unit) }),
                                   streq(unit->load_state, "loaded"));
}

static void add_unit_start_time(Prometheus *prometheus, const MetricsSource *source, size_t offset)
{
        const UnitSample *unit = NULL;

        while ((unit = next_unit(source, unit)))
                if (streq(unit->load_state, "loaded"))
                        prometheus_add_usec(prometheus,
                                            LABELS({ "name", unit->id }, { "type", unit_type(unit) }),
                                            unit->active_enter_at_usec);
}

/* ---- components */

static const char *const prefixes[_API_SERVICE_MAX] = {
        [API_SERVICE_MESH] = MESH,
        [API_SERVICE_DISPATCH] = DISPATCH,
        [API_SERVICE_LEDGER] = LEDGER,
        [API_SERVICE_MATRIX] = MATRIX,
};

/* What follows the name in a key: labels, or of a histogram "_bucket" with labels, "_sum", "_count". */
static bool is_sample_of(const PrometheusFamily *family, const char *rest)
{
        return *rest == '\0' || *rest == '{' || (*rest == '_' && streq(family->type, "histogram"));
}

/* `offset` is the component. A reply of another type has no rows. */
static void add_component(Prometheus *prometheus, const MetricsSource *source, size_t offset)
{
        const char *name = prometheus->family->name + strlen(prefixes[offset]), *key;
        sd_bus_message *reply = source->components[offset];
        size_t n = strlen(name);
        double value;

        if (!reply || sd_bus_message_rewind(reply, true) < 0 ||
            sd_bus_message_enter_container(reply, 'a', "{sd}") < 0)
                return;
        while (sd_bus_message_read(reply, "{sd}", &key, &value) > 0)
                if (strncmp(key, name, n) == 0 && is_sample_of(prometheus->family, key + n))
                        prometheus_add_labelled(prometheus, key + n, value);
}

/* ---- devbox itself */

static void add_collector_up(Prometheus *prometheus, const MetricsSource *source, size_t offset)
{
        prometheus_add_u64(prometheus, NO_LABELS, !!source->parts);
}

static void add_collector_success(Prometheus *prometheus, const MetricsSource *source, size_t offset)
{
        for (size_t i = 0; source->parts && i < source->parts->n_parts; i++)
                prometheus_add_u64(prometheus, LABELS({ "collector", source->parts->parts[i].name }),
                                   source->parts->parts[i].success);
}

static void add_collector_usec(Prometheus *prometheus, const MetricsSource *source, size_t offset)
{
        for (size_t i = 0; source->parts && i < source->parts->n_parts; i++)
                prometheus_add_usec(prometheus, LABELS({ "collector", source->parts->parts[i].name }),
                                    u64_at(&source->parts->parts[i], offset));
}

static void add_dbus(Prometheus *prometheus, const MetricsSource *source, size_t offset)
{
        prometheus_add_u64(prometheus, NO_LABELS, u64_at(source->collector, offset));
}

static void add_http_requests(Prometheus *prometheus, const MetricsSource *source, size_t offset)
{
        bool last = false;

        for (size_t i = 0; !last; i++) {
                const HttpRoute *route = &source->routes[i];

                last = !route->method;
                for (size_t j = 0; j < COUNTERS_STATUSES_MAX; j++) {
                        char code[16];

                        if (source->counters->answers[i][j] == 0)
                                continue;
                        (void) snprintf(code, sizeof code, "%u", source->counters->statuses[j]);
                        prometheus_add_u64(prometheus,
                                           LABELS({ "route", last ? "other" : route->path },
                                                  { "method", last ? "other" : route->method },
                                                  { "code", code }),
                                           source->counters->answers[i][j]);
                }
        }
}

static void add_http(Prometheus *prometheus, const MetricsSource *source, size_t offset)
{
        prometheus_add_u64(prometheus, NO_LABELS, u64_at(source->http, offset));
}

/* A size_t, unlike the totals. */
static void add_http_connections(Prometheus *prometheus, const MetricsSource *source, size_t offset)
{
        prometheus_add_u64(prometheus, NO_LABELS, source->http->n_connections);
}

static void add_cache(Prometheus *prometheus, const MetricsSource *source, size_t offset)
{
        for (unsigned key = 0; source->cache_keys[key]; key++)
                prometheus_add_u64(prometheus, LABELS({ "key", source->cache_keys[key] }),
                                   u64_at(cache_stats(source->cache, key), offset));
}

static void add_actions(Prometheus *prometheus, const MetricsSource *source, size_t offset)
{
        for (ActionKind kind = ACTION_NONE + 1; kind < _ACTION_KIND_MAX; kind++)
                for (ActionOutcome outcome = 0; outcome < _ACTION_OUTCOME_MAX; outcome++)
                        prometheus_add_u64(prometheus,
                                           LABELS({ "action", action_kind_to_string(kind) },
                                                  { "outcome", action_outcome_to_string(outcome) }),
                                           source->counters->actions[kind][outcome]);
}

static void add_process(Prometheus *prometheus, const MetricsSource *source, size_t offset)
{
        if (source->process)
                prometheus_add_u64(prometheus, NO_LABELS, u64_at(source->process, offset));
}

static void add_process_cpu(Prometheus *prometheus, const MetricsSource *source, size_t offset)
{
        if (source->process)
                prometheus_add_usec(prometheus, NO_LABELS, source->process->cpu_usec);
}

static void add_process_start_time(Prometheus *prometheus, const MetricsSource *source, size_t offset)
{
        prometheus_add_usec(prometheus, NO_LABELS, source->started_at_usec);
}

/* clang-format off */
static const Family families[] = {
        { { "devbox_build_info", "gauge",
            "A metric with a constant '1' value labeled by version and revision of devbox." },
          add_build_info },
        { .add = add_system },
        { { "devbox_unit_state", "gauge",
            "Whether the configured systemd unit is in the state; kept for api.cache_ttl_ms." },
          add_unit_state },
        { { "devbox_unit_loaded", "gauge",
            "Whether systemd found the configured unit (LoadState loaded)." },
          add_unit_loaded },
        { { "devbox_unit_start_time_seconds", "gauge",
            "When the unit became active last, seconds since the epoch; 0 if never." },
          add_unit_start_time },
        { { "devbox_collector_up", "gauge",
            "Whether devbox-collector answered for this scrape." },
          add_collector_up },
        { { "devbox_collector_success", "gauge",
            "Whether the part of the collector gathered its data at its last refresh." },
          add_collector_success },
        { { "devbox_collector_refresh_seconds", "gauge",
            "Duration of the last refresh." },
          add_collector_usec, offsetof(PartSample, refresh_usec) },
        { { "devbox_collector_refresh_time_seconds", "gauge",
            "When the data of this scrape was gathered, seconds since the epoch; at most the TTL ago." },
          add_collector_usec, offsetof(PartSample, refreshed_at_usec) },
        { { MESH "up", "gauge",
            "Whether devbox-mesh has the network as its database says, and a device its hub." },
          add_component, API_SERVICE_MESH },
        { { MESH "degraded", "gauge",
            "Whether the link is up but the hub, or the database, is out of reach." },
          add_component, API_SERVICE_MESH },
        { { MESH "userspace", "gauge",
            "Whether wireguard-go runs the link instead of the kernel." },
          add_component, API_SERVICE_MESH },
        { { MESH "peer_presence", "gauge",
            "Whether the peer is online (handshake within 180 s), offline, stale (24 h), or never was." },
          add_component, API_SERVICE_MESH },
        { { MESH "peer_last_handshake_timestamp_seconds", "gauge",
            "When the last handshake with the peer was, seconds since the epoch; absent if never." },
          add_component, API_SERVICE_MESH },
        { { MESH "peer_rx_bytes_total", "counter",
            "Bytes received from the peer, encrypted, since the link was made." },
          add_component, API_SERVICE_MESH },
        { { MESH "peer_tx_bytes_total", "counter",
            "Bytes sent to the peer, encrypted, since the link was made." },
          add_component, API_SERVICE_MESH },
        { { MESH "peer_manifest_expires_timestamp_seconds", "gauge",
            "When the manifest of the device expires, seconds since the epoch." },
          add_component, API_SERVICE_MESH },
        { { MESH "drift_repaired_total", "counter",
            "Changes by hand to the link, its peers or its firewall that were repaired." },
          add_component, API_SERVICE_MESH },
        { { MESH "revocations_total", "counter",
            "WireGuard keys that were revoked." },
          add_component, API_SERVICE_MESH },
        { { MESH "revocations_recorded_later", "gauge",
            "Revocations in force that wait for the database." },
          add_component, API_SERVICE_MESH },
        { { MESH "invitations", "gauge",
            "Invitations of the last 30 days by state." },
          add_component, API_SERVICE_MESH },
        { { MESH "ledger_entries_sent_total", "counter",
            "Entries for the hub's chain that devbox-ledger has acknowledged." },
          add_component, API_SERVICE_MESH },
        { { MESH "ledger_entries_rejected_total", "counter",
            "Entries for the hub's chain that devbox-ledger has rejected." },
          add_component, API_SERVICE_MESH },
        { { MESH "ledger_call_failures_total", "counter",
            "Calls of devbox-mesh to devbox-ledger that brought an error." },
          add_component, API_SERVICE_MESH },
        { { DISPATCH "requests_submitted_total", "counter",
            "Requests that were signed for a device." },
          add_component, API_SERVICE_DISPATCH },
        { { DISPATCH "requests_total", "counter",
            "Requests that have ended, by capability and outcome." },
          add_component, API_SERVICE_DISPATCH },
        { { DISPATCH "request_duration_seconds", "histogram",
            "Of the requests that a device has ended: from their submission, or the last approval." },
          add_component, API_SERVICE_DISPATCH },
        { { DISPATCH "requests_queued", "gauge",
            "Requests that wait for their device." },
          add_component, API_SERVICE_DISPATCH },
        { { DISPATCH "requests_running", "gauge",
            "Requests that a device has accepted and not ended." },
          add_component, API_SERVICE_DISPATCH },
        { { DISPATCH "approvals_waiting", "gauge",
            "Requests that wait for people." },
          add_component, API_SERVICE_DISPATCH },
        { { DISPATCH "approval_oldest_seconds", "gauge",
            "How long the oldest of these has waited; 0 if none waits." },
          add_component, API_SERVICE_DISPATCH },
        { { DISPATCH "replays_blocked_total", "counter",
            "Requests that their device has rejected because their id or nonce was used before." },
          add_component, API_SERVICE_DISPATCH },
        { { DISPATCH "device_audit_entries", "gauge",
            "The size of the device's audit chain at its last result." },
          add_component, API_SERVICE_DISPATCH },
        { { DISPATCH "device_witness_lag_entries", "gauge",
            "Entries of the device's audit chain that this hub has not countersigned yet." },
          add_component, API_SERVICE_DISPATCH },
        { { LEDGER "chain_entries", "gauge",
            "The size of this machine's audit chain." },
          add_component, API_SERVICE_LEDGER },
        { { LEDGER "requests_accepted_total", "counter",
            "Requests that this machine has accepted." },
          add_component, API_SERVICE_LEDGER },
        { { LEDGER "requests_denied_total", "counter",
            "Requests that this machine has rejected." },
          add_component, API_SERVICE_LEDGER },
        { { LEDGER "replays_blocked_total", "counter",
            "Of these: because their id or nonce was used before." },
          add_component, API_SERVICE_LEDGER },
        { { LEDGER "manifest_in_force", "gauge",
            "Whether this machine has a manifest that has not expired." },
          add_component, API_SERVICE_LEDGER },
        { { MATRIX "synced", "gauge",
            "1 if the Matrix account of this hub is logged in and the homeserver answers." },
          add_component, API_SERVICE_MATRIX },
        { { MATRIX "rooms", "gauge",
            "Rooms that exist." },
          add_component, API_SERVICE_MATRIX },
        { { MATRIX "rooms_wanted", "gauge",
            "Rooms that there should be." },
          add_component, API_SERVICE_MATRIX },
        { { MATRIX "events_unsent", "gauge",
            "Events that wait to be sent to the homeserver." },
          add_component, API_SERVICE_MATRIX },
        { { MATRIX "events_undecryptable", "gauge",
            "Messages whose key is missing." },
          add_component, API_SERVICE_MATRIX },
        { { MATRIX "events_skipped_total", "counter",
            "Events of the homeserver that could not be processed." },
          add_component, API_SERVICE_MATRIX },
        { { MATRIX "last_sync_timestamp_seconds", "gauge",
            "When the homeserver last answered; 0 if it has not since the start." },
          add_component, API_SERVICE_MATRIX },
        { { "devbox_dbus_calls_total", "counter",
            "Calls of devbox-api to devbox-collector." },
          add_dbus, offsetof(BusClientStats, calls_total) },
        { { "devbox_dbus_call_failures_total", "counter",
            "Calls of devbox-api to devbox-collector that brought an error." },
          add_dbus, offsetof(BusClientStats, failed_total) },
        { { "devbox_http_requests_total", "counter",
            "Requests answered, by route, method and status code; every unknown path is route 'other'." },
          add_http_requests },
        { { "devbox_http_connections", "gauge",
            "Connections now open." },
          add_http_connections },
        { { "devbox_http_connections_total", "counter",
            "Connections accepted." },
          add_http, offsetof(HttpStats, connections_total) },
        { { "devbox_http_connections_cut_total", "counter",
            "Connections closed because the client was too slow or silent for too long." },
          add_http, offsetof(HttpStats, expired_total) },
        { { "devbox_http_connections_crowded_total", "counter",
            "Times all connections of a listening socket were taken, so that clients had to wait." },
          add_http, offsetof(HttpStats, at_limit_total) },
        { { "devbox_http_connections_rejected_total", "counter",
            "Connections closed because their user had used up its share of the memory for connections." },
          add_http, offsetof(HttpStats, rejected_total) },
        { { "devbox_http_malformed_total", "counter",
            "Requests that could not be read: bad request lines, too large headers." },
          add_http, offsetof(HttpStats, malformed_total) },
        { { "devbox_cache_hits_total", "counter",
            "Answers given from the cache." },
          add_cache, offsetof(CacheStats, hits) },
        { { "devbox_cache_misses_total", "counter",
            "Answers that had to be fetched." },
          add_cache, offsetof(CacheStats, misses) },
        { { "devbox_actions_total", "counter",
            "Action requests by outcome." },
          add_actions },
        { { "process_cpu_seconds_total", "counter",
            "Total user and system CPU time spent in seconds, by devbox-api." },
          add_process_cpu },
        { { "process_max_fds", "gauge",
            "Maximum number of open file descriptors of devbox-api." },
          add_process, offsetof(ProcessSample, max_fds) },
        { { "process_open_fds", "gauge",
            "Number of open file descriptors of devbox-api." },
          add_process, offsetof(ProcessSample, open_fds) },
        { { "process_resident_memory_bytes", "gauge",
            "Resident memory size of devbox-api in bytes." },
          add_process, offsetof(ProcessSample, resident_bytes) },
        { { "process_start_time_seconds", "gauge",
            "Start time of devbox-api, seconds since the epoch." },
          add_process_start_time },
        { { "process_virtual_memory_bytes", "gauge",
            "Virtual memory size of devbox-api in bytes." },
          add_process, offsetof(ProcessSample, virtual_bytes) },
};
/* clang-format on */

int metrics_render(const MetricsSource *source, char **ret_text, size_t *ret_size)
{
        _cleanup_(prometheus_done) Prometheus prometheus = PROMETHEUS_NULL;

        for (size_t i = 0; i < ELEMENTSOF(families); i++) {
                prometheus_begin(&prometheus, &families[i].family);
                families[i].add(&prometheus, source, families[i].offset);
        }

        return prometheus_take(&prometheus, ret_text, ret_size);
}
