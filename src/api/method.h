/* SPDX-License-Identifier: MIT */
#pragma once

/* Requests that are one call of a service on the bus, whose reply or error is the response. */

#include "api/api-internal.h"

typedef struct ApiMethod {
        ApiService service;
        const char *name;
        ActionKind kind;
        int (*append)(sd_bus_message *call, const HttpRequest *request); /* the arguments; NULL: none */
        int (*render)(sd_bus_message *reply, HttpResponse **ret_response);
} ApiMethod;

/* Responds to the request, now or later. */
void api_method_start(HttpRequest *request, Api *api, const ApiMethod *method);

/* Appends the parameter of the path. */
int api_append_parameter(sd_bus_message *call, const HttpRequest *request);

/* Renders one a{sv} as an object; one aa{sv} as {"KEY":[…]}. Errors: those of api/reply-json.h; -ENOMEM. */
int api_render_members(sd_bus_message *reply, HttpResponse **ret_response);
int api_render_rows(sd_bus_message *reply, const char *key, HttpResponse **ret_response);
