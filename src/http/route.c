/* SPDX-License-Identifier: MIT */
/* Matches requests against the table of routes. */

#include "http/route.h"

#include "basic/text.h"
#include "proto/error.h"

static bool path_matches(const HttpRoute *route, const char *path, const char **ret_parameter)
{
        size_t literal = strcspn(route->path, "{");

        if (route->path[literal] == '\0') {
                *ret_parameter = NULL;
                return streq(route->path, path);
        }

        *ret_parameter = path + literal;
        return strncmp(route->path, path, literal) == 0 && path[literal] != '\0' &&
               !strchr(path + literal, '/');
}

static bool method_matches(const HttpRoute *route, const char *method)
{
        return streq(route->method, method) || (streq(route->method, "GET") && streq(method, "HEAD"));
}

int http_route_find(const HttpRoute *routes, const char *method, const char *path, HttpRouteMatch *ret_match)
{
        int r = DEVBOX_ERROR_NOT_FOUND;

        for (const HttpRoute *route = routes; route->method; route++) {
                const char *parameter;

                if (!path_matches(route, path, &parameter))
                        continue;
                if (method_matches(route, method)) {
                        *ret_match = (HttpRouteMatch){ .route = route, .parameter = parameter };
                        return 0;
                }
                r = DEVBOX_ERROR_METHOD_NOT_ALLOWED;
        }

        return r;
}

int http_route_allowed(const HttpRoute *routes, const char *path, char **ret_methods)
{
        _cleanup_(text_done) Text methods = TEXT_NULL;

        for (const HttpRoute *route = routes; route->method; route++) {
                const char *parameter;

                if (!path_matches(route, path, &parameter))
                        continue;
                text_appendf(&methods, "%s%s%s", methods.size > 0 ? ", " : "", route->method,
                             streq(route->method, "GET") ? ", HEAD" : "");
        }

        return text_take(&methods, ret_methods, NULL);
}
