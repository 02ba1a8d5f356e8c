/* SPDX-License-Identifier: MIT */
#include "http/route.h"

#include "proto/error.h"
#include "test.h"

static void handle(HttpRequest *request, void *owner)
{
}

static const HttpRoute routes[] = {
        { "GET", "/health", handle, 0 },
        { "POST", "/jobs", handle, 0 },
        { "GET", "/jobs", handle, 0 },
        { "GET", "/jobs/{id}", handle, 0 },
        {},
};

static void test_find(void **state)
{
        static const struct {
                const char *method, *path;
                int error;
                size_t route;
                const char *parameter;
        } rows[] = {
                { "GET", "/health", 0, 0, NULL },
                { "HEAD", "/health", 0, 0, NULL },
                { "POST", "/jobs", 0, 1, NULL },
                { "GET", "/jobs", 0, 2, NULL },
                { "GET", "/jobs/7", 0, 3, "7" },
                { "GET", "/jobs/%2e%2e", 0, 3, "%2e%2e" },
                { "POST", "/health", DEVBOX_ERROR_METHOD_NOT_ALLOWED, 0, NULL },
                { "get", "/health", DEVBOX_ERROR_METHOD_NOT_ALLOWED, 0, NULL },
                { "DELETE", "/jobs/7", DEVBOX_ERROR_METHOD_NOT_ALLOWED, 0, NULL },
                { "GET", "/", DEVBOX_ERROR_NOT_FOUND, 0, NULL },
                { "GET", "", DEVBOX_ERROR_NOT_FOUND, 0, NULL },
                { "GET", "*", DEVBOX_ERROR_NOT_FOUND, 0, NULL },
                { "GET", "/Health", DEVBOX_ERROR_NOT_FOUND, 0, NULL },
                { "GET", "/health/", DEVBOX_ERROR_NOT_FOUND, 0, NULL },
                { "GET", "/healthy", DEVBOX_ERROR_NOT_FOUND, 0, NULL },
                { "GET", "//health", DEVBOX_ERROR_NOT_FOUND, 0, NULL },
                { "GET", "/h%65alth", DEVBOX_ERROR_NOT_FOUND, 0, NULL },
                { "GET", "/jobs/", DEVBOX_ERROR_NOT_FOUND, 0, NULL },
                { "GET", "/jobs/7/", DEVBOX_ERROR_NOT_FOUND, 0, NULL },
                { "GET", "/jobs/{id}/x", DEVBOX_ERROR_NOT_FOUND, 0, NULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                HttpRouteMatch match = { 0 };

                print_message("%s %s\n", rows[i].method, rows[i].path);
                assert_err(http_route_find(routes, rows[i].method, rows[i].path, &match), rows[i].error);
                if (rows[i].error != 0) {
                        assert_null(match.route);
                        continue;
                }
                assert_ptr_equal(match.route, &routes[rows[i].route]);
                if (rows[i].parameter)
                        assert_string_equal(match.parameter, rows[i].parameter);
                else
                        assert_null(match.parameter);
        }
}

static void test_allowed(void **state)
{
        static const struct {
                const char *path, *methods;
        } rows[] = {
                { "/health", "GET, HEAD" },
                { "/jobs", "POST, GET, HEAD" },
                { "/jobs/7", "GET, HEAD" },
                { "/none", "" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(freep) char *methods = NULL;

                assert_ok(http_route_allowed(routes, rows[i].path, &methods));
                assert_string_equal(methods, rows[i].methods);
        }
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_find),
                cmocka_unit_test(test_allowed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
