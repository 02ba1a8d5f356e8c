/* SPDX-License-Identifier: MIT */
/* The mesh over HTTP, from org.devbox.Mesh1.
 *
 * POST /enroll is the only route that a machine can reach which is not in the mesh yet. Its body is opaque
 * here: devbox-mesh opens it, and no HTTP is parsed beside the keys and CAP_NET_ADMIN of that process. */

#include "api/handlers.h"
#include "api/method.h"
#include "proto/id.h"

/* ---- what the network looks like */

static int append_no_revoked(sd_bus_message *call, const HttpRequest *request)
{
        return sd_bus_message_append(call, "b", false);
}

static int render_peers(sd_bus_message *reply, HttpResponse **ret_response)
{
        return api_render_rows(reply, "peers", ret_response);
}

void api_handle_mesh(HttpRequest *request, void *owner)
{
        static const ApiMethod get_status = { API_SERVICE_MESH, "GetStatus", ACTION_READ_MESH, NULL,
                                              api_render_members };

        api_method_start(request, owner, &get_status);
}

void api_handle_mesh_peers(HttpRequest *request, void *owner)
{
        static const ApiMethod list_peers = { API_SERVICE_MESH, "ListPeers", ACTION_READ_MESH,
                                              append_no_revoked, render_peers };

        api_method_start(request, owner, &list_peers);
}

/* ---- revoke */

void api_handle_revoke(HttpRequest *request, void *owner)
{
        static const ApiMethod revoke = { API_SERVICE_MESH, "Revoke", ACTION_REVOKE_PEER,
                                          api_append_parameter, api_render_members };

        if (device_name_valid(http_request_parameter(request)))
                api_method_start(request, owner, &revoke);
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
        static const ApiMethod claim = { API_SERVICE_MESH, "Claim", ACTION_NONE, append_claim,
                                         render_answer };
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
                api_method_start(request, api, &claim);
}
