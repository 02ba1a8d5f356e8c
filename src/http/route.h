/* SPDX-License-Identifier: MIT */
#pragma once

/* Maps method and path to a handler through a constant table. */

#include "basic/macro.h"

typedef struct HttpRequest HttpRequest;

/* A table ends with a row without a method. Every method but GET is a mutation. */
typedef struct HttpRoute {
        const char *method; /* "GET" (which answers HEAD as well) or "POST" */
        const char *path;   /* "/health", or "/jobs/{id}/log": one segment may be a parameter */
        void (*handle)(HttpRequest *request, void *owner);
        unsigned tag;    /* for the owner */
        size_t body_max; /* largest request body that is kept for the handler; 0: it reads none */
        unsigned scopes; /* bits: the listeners of a scope that serve it; those without one serve all */
} HttpRoute;

/* Longer parameters match no route. */
#define HTTP_PARAMETER_SIZE 64

typedef struct HttpRouteMatch {
        const HttpRoute *route;
        char parameter[HTTP_PARAMETER_SIZE]; /* "" if the route has none */
} HttpRouteMatch;

/* Both look at the routes of `scope`, one bit; 0: at all.
 *
 * Percent-encoding is not decoded: an encoded path matches no route. Returns DEVBOX_ERROR_NOT_FOUND, or
 * DEVBOX_ERROR_METHOD_NOT_ALLOWED if the path exists with other methods. */
int http_route_find(const HttpRoute *routes, unsigned scope, const char *method, const char *path,
                    HttpRouteMatch *ret_match);

/* The value of the header Allow for a path: "GET, HEAD". Owned by the caller. Errors: -ENOMEM. */
int http_route_allowed(const HttpRoute *routes, unsigned scope, const char *path, char **ret_methods);
