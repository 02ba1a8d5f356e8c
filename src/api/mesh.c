/* SPDX-License-Identifier: MIT */
/* The mesh over HTTP: each request is one call of org.devbox.Mesh1, whose reply or error is the response.
 *
 * POST /enroll is the only route that a machine can reach which is not in the mesh yet. Its body is opaque
 * here: devbox-mesh opens it, and no HTTP is parsed beside the keys and CAP_NET_ADMIN of that process. */

#include "api/api-internal.h"
#include "api/mesh-json.h"
#include "log/log.h"
#include "proto/id.h"

#define MESH "org.devbox.Mesh1", "/org/devbox/Mesh1", "org.devbox.Mesh1"

/* A claim waits for a transaction of the hub, which fsyncs; a revocation for that and the kernel. */
#define MESH_DEADLINE_USEC    (10 * USEC_PER_SEC)
#define METRICS_DEADLINE_USEC (2 * USEC_PER_SEC)

typedef struct Method {
        const char *name;
        ActionKind kind;
        int (*append)(sd_bus_message *call, const HttpRequest *request); /* the arguments; NULL: none */
        int (*render)(sd_bus_message *reply, HttpResponse **ret_response);
} Method;

/* One call for one request. */
typedef struct Call {
        BusRequest bus;
        HttpRequest *http;
        const Method *method;
} Call;

const BusService api_mesh_service = {
        .title = "devbox-mesh",
        .deadline_usec = MESH_DEADLINE_USEC,
        .unavailable = DEVBOX_ERROR_MESH_UNAVAILABLE,
        .timeout = DEVBOX_ERROR_MESH_TIMEOUT,
        .lost_message_id = MESSAGE_MESH_LOST,
        .back_message_id = MESSAGE_MESH_BACK,
};

/* Most machines have no mesh. */
const BusService api_mesh_metrics_service = {
        .deadline_usec = METRICS_DEADLINE_USEC,
        .unavailable = DEVBOX_ERROR_MESH_UNAVAILABLE,
        .timeout = DEVBOX_ERROR_MESH_TIMEOUT,
};

static void complete(Call *call, const BusReply *reply)
{
        _cleanup_(http_response_unrefp) HttpResponse *response = NULL;
        Api *api = http_request_owner(call->http);
        ActionKind kind = call->method->kind;

        int r = reply->reason != 0 ? reply->reason : call->method->render(reply->message, &response);
        if (r < 0 && r != -ENOMEM)
                (void) log_error_errno(r, "Cannot parse the response of devbox-mesh");
        if (kind != ACTION_NONE)
                api_action_count(api, kind, r == 0 ? ACTION_ACCEPTED : ACTION_FAILED);
        if (r != 0)
                http_request_reject(call->http, r, reply->detail);
        else
                http_request_respond(call->http, response);
}

static void on_reply(BusRequest *request, const BusReply *reply)
{
        Call *call = CONTAINER_OF(request, Call, bus);

        api_update_health(http_request_owner(call->http));
        complete(call, reply);
        free(call);
}

/* NULL: without a bus or memory, which bus_client_send_take() reports. */
static sd_bus_message *make_call(sd_bus *bus, const Method *method, const HttpRequest *request)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;

        if (!bus || sd_bus_message_new_method_call(bus, &message, MESH, method->name) < 0)
                return NULL;
        if (method->append && method->append(message, request) < 0)
                return NULL;

        return TAKE_PTR(message);
}

static void start(HttpRequest *request, Api *api, const Method *method)
{
        Call *call = calloc(1, sizeof *call);
        if (!call) {
                http_request_reject(request, -ENOMEM, NULL);
                return;
        }

        call->http = request;
        call->method = method;
        bus_client_send_take(&api->mesh, &call->bus, make_call(api->mesh.bus, method, request), on_reply);
}

/* ---- what the network looks like */

static int json_to_response(Json *json, HttpResponse **ret_response)
{
        char *body;
        size_t size;

        int r = json_take(json, &body, &size);
        if (r < 0)
                return r;

        return http_response_new_take(200, "application/json", body, size, ret_response);
}

static int render_members(sd_bus_message *reply, HttpResponse **ret_response)
{
        _cleanup_(json_done) Json json = JSON_NULL;

        json_open_object(&json, NULL);
        int r = mesh_json_add_members(&json, reply);
        if (r < 0)
                return r;
        json_close_object(&json);

        return json_to_response(&json, ret_response);
}

static int append_no_revoked(sd_bus_message *call, const HttpRequest *request)
{
        return sd_bus_message_append(call, "b", false);
}

static int render_peers(sd_bus_message *reply, HttpResponse **ret_response)
{
        _cleanup_(json_done) Json json = JSON_NULL;

        json_open_object(&json, NULL);
        json_open_array(&json, "peers");
        int r = mesh_json_add_rows(&json, reply);
        if (r < 0)
                return r;
        json_close_array(&json);
        json_close_object(&json);

        return json_to_response(&json, ret_response);
}

void api_handle_mesh(HttpRequest *request, void *owner)
{
        static const Method get_status = { "GetStatus", ACTION_READ_MESH, NULL, render_members };

        start(request, owner, &get_status);
}

void api_handle_mesh_peers(HttpRequest *request, void *owner)
{
        static const Method list_peers = { "ListPeers", ACTION_READ_MESH, append_no_revoked, render_peers };

        start(request, owner, &list_peers);
}

/* ---- revoke */

static int append_name(sd_bus_message *call, const HttpRequest *request)
{
        return sd_bus_message_append(call, "s", http_request_parameter(request));
}

void api_handle_revoke(HttpRequest *request, void *owner)
{
        static const Method revoke = { "Revoke", ACTION_REVOKE_PEER, append_name, render_members };

        if (device_name_valid(http_request_parameter(request)))
                start(request, owner, &revoke);
        else
                http_request_reject(request, DEVBOX_ERROR_PEER_UNKNOWN, NULL);
}

/* ---- enrol */

static int append_claim(sd_bus_message *call, const HttpRequest *request)
{
        char source[IP_PREFIX_TEXT_SIZE] = "";
        IpPrefix address;
        size_t size;
        const char *body = http_request_body(request, &size);

        if (http_request_source(request, &address) == 0)
                (void) ip_prefix_format_address(&address, source);

        int r = sd_bus_message_append_array(call, 'y', body, size);
        return r < 0 ? r : sd_bus_message_append(call, "s", source);
}

static int render_answer(sd_bus_message *reply, HttpResponse **ret_response)
{
        const void *answer;
        size_t size;

        int r = sd_bus_message_read_array(reply, 'y', &answer, &size);
        if (r < 0)
                return r;

        char *body = malloc(size + 1);
        if (!body)
                return -ENOMEM;
        memcpy(body, answer, size);

        return http_response_new_take(200, "application/octet-stream", body, size, ret_response);
}

/* All who enrol share the limit; a device polls once a second while it waits for the operator. */
void api_handle_enroll(HttpRequest *request, void *owner)
{
        static const Method claim = { "Claim", ACTION_NONE, append_claim, render_answer };
        Api *api = owner;
        usec_t now_usec = 0;
        unsigned suppressed;
        size_t size;

        (void) http_request_body(request, &size);
        (void) sd_event_now(api->event, CLOCK_MONOTONIC, &now_usec);
        if (size == 0)
                http_request_reject(request, DEVBOX_ERROR_BAD_REQUEST, NULL);
        else if (!ratelimit_pass(&api->enroll_limit, now_usec, &suppressed))
                http_request_reject(request, DEVBOX_ERROR_BUSY, NULL);
        else
                start(request, api, &claim);
}
