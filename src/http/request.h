/* SPDX-License-Identifier: MIT */
#pragma once

/* What a handler sees of a request. It lives until it is answered; a client that vanished meanwhile changes
 * nothing for the handler. */

#include "http/response.h"
#include "http/route.h"

/* The owner of the server. */
void *http_request_owner(const HttpRequest *request);

/* The value of the parameter of the route's path. */
const char *http_request_parameter(const HttpRequest *request);

/* Errors: -ENOENT the header is absent, -ENOTUNIQ it came more than once. The value is borrowed from the
 * request. */
int http_request_header(const HttpRequest *request, const char *name, const char **ret_value);

/* Answers, exactly once, from the handler or any time later; takes a reference on `reply`. The request is
 * gone afterwards. */
void http_request_respond(HttpRequest *request, HttpResponse *reply);

/* The same with an answer made of a reason (a DevboxError or a negative errno): see
 * http_response_new_error().
 */
void http_request_reject(HttpRequest *request, int reason, const char *detail);
