/* SPDX-License-Identifier: MIT */
#pragma once

/* A request as its handler sees it. It is valid until it is responded to, also when the client has
 * disconnected. */

#include "basic/ip-prefix.h"
#include "http/response.h"
#include "http/route.h"

/* The owner of the server. */
void *http_request_owner(const HttpRequest *request);

/* Whether it was received over a Unix socket. */
bool http_request_is_local(const HttpRequest *request);

/* The address of the client. Errors: -EINVAL it was received over a Unix socket. */
int http_request_source(const HttpRequest *request, IpPrefix *ret_source);

/* The parameter of the route's path; "" if it has none. Borrowed. */
const char *http_request_parameter(const HttpRequest *request);

/* The body, terminated with a NUL byte that is not part of it; empty unless the route has a body_max.
 * Borrowed. */
const char *http_request_body(const HttpRequest *request, size_t *ret_size);

/* Errors: -ENOENT the header is absent, -ENOTUNIQ there is more than one. The value is borrowed from the
 * request. */
int http_request_header(const HttpRequest *request, const char *name, const char **ret_value);

/* The same of a parameter of the query, "device" of /audit?device=laptop; percent-encoding is not decoded.
 */
int http_request_query(const HttpRequest *request, const char *name, const char **ret_value);

/* Sends the response: exactly once, from the handler or later. Takes a reference on `response`. The request
 * is invalid afterwards. */
void http_request_respond(HttpRequest *request, HttpResponse *response);

/* Sends the error response of a reason (a DevboxError or a negative errno): see http_response_new_error().
 * Same contract as http_request_respond(). */
void http_request_reject(HttpRequest *request, int reason, const char *detail);
