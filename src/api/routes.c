/* SPDX-License-Identifier: MIT */
/* The table of routes, which openapi.json describes, and the rendering of the collector's samples. */

#include "api/api-internal.h"
#include "api/handlers.h"
#include "api/metrics.h"
#include "api/openapi.h"
#include "log/log.h"
#include "sample/sample-bus.h"
#include "sample/sample-json.h"

#define JSON_CONTENT_TYPE "application/json"

/* A sealed claim is shorter: trust/enrolment.h. */
#define CLAIM_SIZE_MAX 512

/* The keys of the cache are the calls of the collector: /metrics needs the snapshot. */
const char *const api_cache_keys[] = {
        [COLLECTOR_CALL_SYSTEM] = "system",
        [COLLECTOR_CALL_UNITS] = "services",
        [COLLECTOR_CALL_SNAPSHOT] = "snapshot",
        NULL,
};

static void on_cached(HttpResponse *response, void *userdata)
{
        if (response)
                http_request_respond(userdata, response);
        else
                http_request_reject(userdata, -ENOMEM, NULL);
}

static void respond_cached(Api *api, HttpRequest *request, CollectorCall call)
{
        int r = cache_get(api->cache, call, on_cached, request);
        if (r != 0)
                http_request_reject(request, r, NULL);
}

static void handle_health(HttpRequest *request, void *owner)
{
        http_request_respond(request, ((Api *) owner)->health);
}

static void handle_system(HttpRequest *request, void *owner)
{
        respond_cached(owner, request, COLLECTOR_CALL_SYSTEM);
}

static void handle_services(HttpRequest *request, void *owner)
{
        respond_cached(owner, request, COLLECTOR_CALL_UNITS);
}

static void handle_metrics(HttpRequest *request, void *owner)
{
        respond_cached(owner, request, COLLECTOR_CALL_SNAPSHOT);
}

static void handle_openapi(HttpRequest *request, void *owner)
{
        http_request_respond(request, ((Api *) owner)->openapi);
}

const HttpRoute api_routes[] = {
        { "GET", "/health", handle_health, 0, .scopes = 1 << LISTEN_MESH },
        { "GET", "/healthz", handle_health, 0, .scopes = 1 << LISTEN_MESH },
        { "GET", "/system", handle_system, 0 },
        { "GET", "/services", handle_services, 0 },
        { "GET", "/metrics", handle_metrics, 0 },
        { "POST", "/actions/restart", api_handle_restart, ACTION_RESTART },
        { "POST", "/actions/run-tests", api_handle_run_tests, ACTION_RUN_TESTS },
        { "GET", "/actions/run-tests/{id}", api_handle_run, 0 },
        { "GET", "/mesh", api_handle_mesh, ACTION_READ_MESH },
        { "GET", "/mesh/peers", api_handle_mesh_peers, ACTION_READ_MESH },
        { "POST", "/mesh/peers/{name}/revoke", api_handle_revoke, ACTION_REVOKE_PEER },
        { "GET", "/devices", api_handle_devices, ACTION_READ_MESH },
        { "GET", "/devices/{name}", api_handle_device, ACTION_READ_MESH },
        { "GET", "/containers", api_handle_containers, ACTION_READ_REQUESTS },
        { "GET", "/requests", api_handle_requests, ACTION_READ_REQUESTS },
        { "GET", "/approvals", api_handle_approvals, ACTION_READ_REQUESTS },
        { "POST", "/approvals/{id}/approve", api_handle_approve, ACTION_APPROVE },
        { "POST", "/approvals/{id}/deny", api_handle_deny, ACTION_DENY },
        { "GET", "/audit", api_handle_audit, ACTION_READ_AUDIT },
        { "POST", "/enroll", api_handle_enroll, 0, CLAIM_SIZE_MAX, .scopes = 1 << LISTEN_BOOTSTRAP },
        { "GET", "/openapi.json", handle_openapi, 0 },
        {},
};

static int render_system(const BusReply *reply, HttpResponse **ret_response)
{
        _cleanup_(system_sample_done) SystemSample sample = { 0 };
        char *body;
        size_t size;

        int r = system_sample_read(reply->message, &sample);
        if (r < 0)
                return r;
        r = system_sample_to_json(&sample, &body, &size);
        if (r < 0)
                return r;

        return http_response_new_take(200, JSON_CONTENT_TYPE, body, size, ret_response);
}

static int render_units(const BusReply *reply, HttpResponse **ret_response)
{
        _cleanup_(unit_samples_done) UnitSamples samples = { 0 };
        char *body;
        size_t size;

        int r = unit_samples_read(reply->message, &samples);
        if (r < 0)
                return r;
        r = unit_samples_to_json(&samples, &body, &size);
        if (r < 0)
                return r;

        return http_response_new_take(200, JSON_CONTENT_TYPE, body, size, ret_response);
}

typedef struct Snapshot {
        SystemSample system;
        UnitSamples units;
        PartSamples parts;
} Snapshot;

static void snapshot_done(Snapshot *snapshot)
{
        system_sample_done(&snapshot->system);
        unit_samples_done(&snapshot->units);
        part_samples_done(&snapshot->parts);
}

static int snapshot_read(sd_bus_message *message, Snapshot *snapshot)
{
        int r = system_sample_read(message, &snapshot->system);
        if (r < 0)
                return r;
        r = unit_samples_read(message, &snapshot->units);
        if (r < 0)
                return r;

        return part_samples_read(message, &snapshot->parts);
}

static bool part_succeeded(const PartSamples *parts, const char *name)
{
        for (size_t i = 0; i < parts->n_parts; i++)
                if (streq(parts->parts[i].name, name))
                        return parts->parts[i].success;

        return false;
}

/* Without the collector, a scrape has the metrics of the api alone. */
static int render_snapshot(const Api *api, const BusReply *reply, HttpResponse **ret_response)
{
        _cleanup_(snapshot_done) Snapshot snapshot = { 0 };
        ProcessSample process;
        MetricsSource source = {
                .routes = api_routes,
                .counters = &api->counters,
                .http = http_server_stats(api->server),
                .collector = collector_client_stats(api->collector),
                .cache_keys = api_cache_keys,
                .cache = api->cache,
                .started_at_usec = api->component.started_at_usec,
        };
        char *text;
        size_t size;

        for (ApiService service = 0; service < _API_SERVICE_MAX; service++)
                source.components[service] = api->metrics[service].reply;
        if (reply->message && snapshot_read(reply->message, &snapshot) >= 0) {
                source.parts = &snapshot.parts;
                if (part_succeeded(&snapshot.parts, "system"))
                        source.system = &snapshot.system;
                if (part_succeeded(&snapshot.parts, "services"))
                        source.units = &snapshot.units;
        }
        if (process_sample_read(api->proc_fd, &process) >= 0)
                source.process = &process;

        int r = metrics_render(&source, &text, &size);
        if (r < 0)
                return r;

        return http_response_new_take(200, PROMETHEUS_CONTENT_TYPE, text, size, ret_response);
}

static int render(const Api *api, CollectorCall call, const BusReply *reply, HttpResponse **ret_response)
{
        if (call == COLLECTOR_CALL_SNAPSHOT)
                return render_snapshot(api, reply, ret_response);
        if (reply->reason != 0)
                return http_response_new_error(reply->reason, reply->detail, ret_response);

        int r = call == COLLECTOR_CALL_SYSTEM ? render_system(reply, ret_response)
                                              : render_units(reply, ret_response);
        if (r >= 0 || r == -ENOMEM)
                return r;

        (void) log_error_errno(r, "Cannot parse the response of devbox-collector");
        return http_response_new_error(r, NULL, ret_response);
}

void api_on_collector_reply(CollectorCall call, const BusReply *reply, void *owner)
{
        _cleanup_(http_response_unrefp) HttpResponse *response = NULL;
        Api *api = owner;

        api_update_health(api);
        (void) render(api, call, reply, &response); /* out of memory: NULL, which the cache passes on */
        cache_store(api->cache, call, response);
}

void api_on_collector_changed(bool all, void *owner)
{
        Api *api = owner;

        for (unsigned call = 0; call < _COLLECTOR_CALL_MAX; call++)
                if (all || call != COLLECTOR_CALL_SYSTEM)
                        cache_invalidate(api->cache, call);
}

int api_routes_init(Api *api)
{
        static const char health[] =
                "{\"status\":\"ok\",\"service\":\"devbox\",\"version\":\"" DEVBOX_VERSION "\"}";

        int r = http_response_new_static(200, JSON_CONTENT_TYPE, health, strlen(health), &api->health);
        if (r < 0)
                return r;

        return http_response_new_static(200, JSON_CONTENT_TYPE, api_openapi, api_openapi_size,
                                        &api->openapi);
}
