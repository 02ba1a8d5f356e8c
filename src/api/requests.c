/* SPDX-License-Identifier: MIT */
/* The requests of a hub and its devices over HTTP, from org.devbox.Dispatch1. */

#include "api/handlers.h"
#include "api/method.h"
#include "proto/id.h"

#define REQUESTS_MAX 100

static int append_recent(sd_bus_message *call, const HttpRequest *request)
{
        return sd_bus_message_append(call, "bu", false, (uint32_t) REQUESTS_MAX);
}

static int render_requests(sd_bus_message *reply, HttpResponse **ret_response)
{
        return api_render_rows(reply, "requests", ret_response);
}

static int render_devices(sd_bus_message *reply, HttpResponse **ret_response)
{
        return api_render_rows(reply, "devices", ret_response);
}

void api_handle_requests(HttpRequest *request, void *owner)
{
        static const ApiMethod method = { API_SERVICE_DISPATCH, "ListRequests", ACTION_READ_REQUESTS,
                                          append_recent, render_requests };

        api_method_start(request, owner, &method);
}

void api_handle_approvals(HttpRequest *request, void *owner)
{
        static const ApiMethod method = { API_SERVICE_DISPATCH, "ListApprovals", ACTION_READ_REQUESTS, NULL,
                                          render_requests };

        api_method_start(request, owner, &method);
}

void api_handle_devices(HttpRequest *request, void *owner)
{
        static const ApiMethod method = { API_SERVICE_DISPATCH, "ListDevices", ACTION_READ_MESH, NULL,
                                          render_devices };

        api_method_start(request, owner, &method);
}

void api_handle_containers(HttpRequest *request, void *owner)
{
        static const ApiMethod method = { API_SERVICE_DISPATCH, "ListContainers", ACTION_READ_REQUESTS, NULL,
                                          render_devices };

        api_method_start(request, owner, &method);
}

void api_handle_device(HttpRequest *request, void *owner)
{
        static const ApiMethod method = { API_SERVICE_DISPATCH, "GetDevice", ACTION_READ_MESH,
                                          api_append_parameter, api_render_members };

        if (device_name_valid(http_request_parameter(request)))
                api_method_start(request, owner, &method);
        else
                http_request_reject(request, DEVBOX_ERROR_PEER_UNKNOWN, NULL);
}

/* ---- decisions, of the principal "dashboard": whoever has the token */

static int append_decision(sd_bus_message *call, const HttpRequest *request)
{
        return sd_bus_message_append(call, "sa{sv}", http_request_parameter(request), 0);
}

static int render_approved(sd_bus_message *reply, HttpResponse **ret_response)
{
        static const char body[] = "{\"status\":\"approved\"}";

        return http_response_new_static(200, "application/json", body, strlen(body), ret_response);
}

static int render_denied(sd_bus_message *reply, HttpResponse **ret_response)
{
        static const char body[] = "{\"status\":\"denied\"}";

        return http_response_new_static(200, "application/json", body, strlen(body), ret_response);
}

/* The end of an id is one, too. */
static void decide(HttpRequest *request, Api *api, const ApiMethod *method)
{
        char suffix[ULID_SIZE];

        if (ulid_suffix_parse(http_request_parameter(request), suffix))
                api_method_start(request, api, method);
        else
                http_request_reject(request, DEVBOX_ERROR_REQUEST_UNKNOWN, NULL);
}

void api_handle_approve(HttpRequest *request, void *owner)
{
        static const ApiMethod method = { API_SERVICE_DISPATCH, "Approve", ACTION_APPROVE, append_decision,
                                          render_approved };

        decide(request, owner, &method);
}

void api_handle_deny(HttpRequest *request, void *owner)
{
        static const ApiMethod method = { API_SERVICE_DISPATCH, "Deny", ACTION_DENY, append_decision,
                                          render_denied };

        decide(request, owner, &method);
}
