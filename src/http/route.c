/* SPDX-License-Identifier: MIT */
/* Matches requests against the table of routes. */

#include "http/route.h"

#include "basic/text.h"
#include "proto/error.h"

/* The value of the segment {…} of the route's path, which is not empty. */
static bool path_matches(const HttpRoute *route, const char *path, char ret_parameter[HTTP_PARAMETER_SIZE])
{
        size_t literal = strcspn(route->path, "{");

        ret_parameter[0] = '\0';
        if (route->path[literal] == '\0')
                return streq(route->path, path);
        if (strncmp(route->path, path, literal) != 0)
                return false;

        size_t length = strcspn(path + literal, "/");
        if (length == 0 || length >= HTTP_PARAMETER_SIZE ||
            !streq(path + literal + length, strchr(route->path, '}') + 1))
                return false;

        memcpy(ret_parameter, path + literal, length);
        ret_parameter[length] = '\0';
        return true;
}

static bool in_scope(const HttpRoute *route, unsigned scope)
{
        return scope == 0 || (route->scopes & scope) != 0;
}

static bool method_matches(const HttpRoute *route, const char *method)
{
        return streq(route->method, method) || (streq(route->method, "GET") && streq(method, "HEAD"));
}

int http_route_find(const HttpRoute *routes, unsigned scope, const char *method, const char *path,
                    HttpRouteMatch *ret_match)
{
        int r = DEVBOX_ERROR_NOT_FOUND;

        for (const HttpRoute *route = routes; route->method; route++) {
                HttpRouteMatch match = { .route = route };

                if (!in_scope(route, scope) || !path_matches(route, path, match.parameter))
                        continue;
                if (method_matches(route, method)) {
                        *ret_match = match;
                        return 0;
                }
                r = DEVBOX_ERROR_METHOD_NOT_ALLOWED;
        }

        return r;
}

int http_route_allowed(const HttpRoute *routes, unsigned scope, const char *path, char **ret_methods)
{
        _cleanup_(text_done) Text methods = TEXT_NULL;

        for (const HttpRoute *route = routes; route->method; route++) {
                char parameter[HTTP_PARAMETER_SIZE];

                if (!in_scope(route, scope) || !path_matches(route, path, parameter))
                        continue;
                text_appendf(&methods, "%s%s%s", methods.size > 0 ? ", " : "", route->method,
                             streq(route->method, "GET") ? ", HEAD" : "");
        }

        return text_take(&methods, ret_methods, NULL);
}
