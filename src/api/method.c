/* SPDX-License-Identifier: MIT */
/* Requests that are one call of a service on the bus. */

#include "api/method.h"

#include "api/reply-json.h"
#include "log/log.h"

/* One call for one request. */
typedef struct Call {
        BusRequest bus;
        HttpRequest *http;
        const ApiMethod *method;
} Call;

/* A claim waits for a transaction of the hub, which fsyncs; a revocation for that and the kernel. */
#define DEADLINE_USEC (10 * USEC_PER_SEC)

const BusService api_services[_API_SERVICE_MAX] = {
        [API_SERVICE_MESH] = { .title = "devbox-mesh",
                               .name = "org.devbox.Mesh1",
                               .path = "/org/devbox/Mesh1",
                               .deadline_usec = DEADLINE_USEC,
                               .unavailable = DEVBOX_ERROR_MESH_UNAVAILABLE,
                               .timeout = DEVBOX_ERROR_MESH_TIMEOUT,
                               .lost_message_id = MESSAGE_MESH_LOST,
                               .back_message_id = MESSAGE_MESH_BACK },
        [API_SERVICE_DISPATCH] = { .title = "devbox-dispatch",
                                   .name = "org.devbox.Dispatch1",
                                   .path = "/org/devbox/Dispatch1",
                                   .deadline_usec = DEADLINE_USEC,
                                   .unavailable = DEVBOX_ERROR_DISPATCH_UNAVAILABLE,
                                   .timeout = DEVBOX_ERROR_DISPATCH_UNAVAILABLE },
        [API_SERVICE_LEDGER] = { .title = "devbox-ledger",
                                 .name = "org.devbox.Ledger1",
                                 .path = "/org/devbox/Ledger1",
                                 .deadline_usec = DEADLINE_USEC,
                                 .unavailable = DEVBOX_ERROR_AUDIT_UNAVAILABLE,
                                 .timeout = DEVBOX_ERROR_AUDIT_UNAVAILABLE },
        [API_SERVICE_MATRIX] = { .title = "devbox-matrix",
                                 .name = "org.devbox.Matrix1",
                                 .path = "/org/devbox/Matrix1",
                                 .deadline_usec = DEADLINE_USEC,
                                 .unavailable = DEVBOX_ERROR_MATRIX_UNAVAILABLE,
                                 .timeout = DEVBOX_ERROR_MATRIX_UNAVAILABLE },
};

static void complete(Call *call, const BusReply *reply)
{
        _cleanup_(http_response_unrefp) HttpResponse *response = NULL;
        Api *api = http_request_owner(call->http);
        ActionKind kind = call->method->kind;

        int r = reply->reason != 0 ? reply->reason : call->method->render(reply->message, &response);
        if (r < 0 && r != -ENOMEM)
                (void) log_error_errno(r, "Cannot parse the response of %s",
                                       api_services[call->method->service].title);
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
static sd_bus_message *make_call(const BusClient *service, const ApiMethod *method,
                                 const HttpRequest *request)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message =
                bus_client_new_call(service, method->name, NULL);

        return message && method->append && method->append(message, request) < 0 ? NULL : TAKE_PTR(message);
}

void api_method_start(HttpRequest *request, Api *api, const ApiMethod *method)
{
        BusClient *service = &api->services[method->service];
        Call *call = calloc(1, sizeof *call);

        if (!call) {
                http_request_reject(request, -ENOMEM, NULL);
                return;
        }

        call->http = request;
        call->method = method;
        bus_client_send_take(service, &call->bus, make_call(service, method, request), on_reply);
}

int api_append_parameter(sd_bus_message *call, const HttpRequest *request)
{
        return sd_bus_message_append(call, "s", http_request_parameter(request));
}

static int respond_json(Json *json, HttpResponse **ret_response)
{
        char *body;
        size_t size;

        int r = json_take(json, &body, &size);
        if (r < 0)
                return r;

        return http_response_new_take(200, "application/json", body, size, ret_response);
}

int api_render_members(sd_bus_message *reply, HttpResponse **ret_response)
{
        _cleanup_(json_done) Json json = JSON_NULL;

        json_open_object(&json, NULL);
        int r = reply_json_add_members(&json, reply);
        if (r < 0)
                return r;
        json_close_object(&json);

        return respond_json(&json, ret_response);
}

int api_render_rows(sd_bus_message *reply, const char *key, HttpResponse **ret_response)
{
        _cleanup_(json_done) Json json = JSON_NULL;

        json_open_object(&json, NULL);
        json_open_array(&json, key);
        int r = reply_json_add_rows(&json, reply);
        if (r < 0)
                return r;
        json_close_array(&json);
        json_close_object(&json);

        return respond_json(&json, ret_response);
}
