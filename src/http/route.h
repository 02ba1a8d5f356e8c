/* SPDX-License-Identifier: MIT */
#pragma once

/* Maps method and path to a handler through a constant table. */

#include "basic/macro.h"

typedef struct HttpRequest HttpRequest;

/* A table ends with a row without a method. Every method but GET is a mutation. */
typedef struct HttpRoute {
        const char *method; /* "GET" (which answers HEAD as well) or "POST" */
        const char *path;   /* "/health", or "/jobs/{id}": the last segment is a parameter */
        void (*handle)(HttpRequest *request, void *owner);
        unsigned tag;    /* for the owner */
        size_t body_max; /* largest request body that is kept for the handler; 0: it reads none */
} HttpRoute;

typedef struct HttpRouteMatch {
        const HttpRoute *route;
        const char *parameter; /* points into the path; NULL if the route has none */
} HttpRouteMatch;

/* Percent-encoding is not decoded: an encoded path matches no route. Returns DEVBOX_ERROR_NOT_FOUND, or
 * DEVBOX_ERROR_METHOD_NOT_ALLOWED if the path exists with other methods. */
int http_route_find(const HttpRoute *routes, const char *method, const char *path,
                    HttpRouteMatch *ret_match);

/* The value of the header Allow for a path: "GET, HEAD". Owned by the caller. Errors: -ENOMEM. */
int http_route_allowed(const HttpRoute *routes, const char *path, char **ret_methods);
