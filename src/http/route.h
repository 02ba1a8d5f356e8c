/* SPDX-License-Identifier: MIT */
#pragma once

/* Which handler a request goes to: a constant table of methods and paths. */

#include "basic/macro.h"

typedef struct HttpRequest HttpRequest;

/* A table ends with a row without a method. What is not GET changes something. */
typedef struct HttpRoute {
        const char *method; /* "GET" (which answers HEAD as well) or "POST" */
        const char *path;   /* "/health", or "/jobs/{id}": the last segment is a parameter */
        void (*handle)(HttpRequest *request, void *owner);
        unsigned tag; /* the owner's: what it wants to know of a route */
} HttpRoute;

typedef struct HttpRouteMatch {
        const HttpRoute *route;
        const char *parameter; /* points into the path; NULL if the route has none */
} HttpRouteMatch;

/* The path is compared as it came: a %-escape matches nothing. Returns DEVBOX_ERROR_NOT_FOUND, or
 * DEVBOX_ERROR_METHOD_NOT_ALLOWED if other methods have that path. */
int http_route_find(const HttpRoute *routes, const char *method, const char *path,
                    HttpRouteMatch *ret_match);

/* The value of the header Allow for a path: "GET, HEAD". The caller frees it. Errors: -ENOMEM. */
int http_route_allowed(const HttpRoute *routes, const char *path, char **ret_methods);
