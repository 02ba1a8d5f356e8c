/* SPDX-License-Identifier: MIT */
#include "http/route.h"

#include "proto/error.h"
#include "test.h"

#define OUTSIDE (1 << 0)
#define OTHER   (1 << 1)

#define AS_LONG_AS_A_NAME "abcdefghijklmnopqrstuvwxyz-0123456789-abcdefghijklmnopqrstuvwxy"

static void handle(HttpRequest *request, void *owner)
{
}

static const HttpRoute routes[] = {
        { "GET", "/health", handle, 0, .scopes = OUTSIDE | OTHER },
        { "POST", "/jobs", handle, 0 },
        { "GET", "/jobs", handle, 0 },
        { "GET", "/jobs/{id}", handle, 0, .scopes = OTHER },
        { "POST", "/jobs/{id}/end", handle, 0, .scopes = OUTSIDE },
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
                { "GET", "/jobs/" AS_LONG_AS_A_NAME, 0, 3, AS_LONG_AS_A_NAME },
                { "GET", "/jobs/" AS_LONG_AS_A_NAME "z", DEVBOX_ERROR_NOT_FOUND, 0, NULL },
                { "POST", "/jobs/7/end", 0, 4, "7" },
                { "POST", "/jobs//end", DEVBOX_ERROR_NOT_FOUND, 0, NULL },
                { "POST", "/jobs/7/8/end", DEVBOX_ERROR_NOT_FOUND, 0, NULL },
                { "POST", "/jobs/7/end/", DEVBOX_ERROR_NOT_FOUND, 0, NULL },
                { "POST", "/jobs/7/ends", DEVBOX_ERROR_NOT_FOUND, 0, NULL },
                { "GET", "/jobs/7/end", DEVBOX_ERROR_METHOD_NOT_ALLOWED, 0, NULL },
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
                assert_err(http_route_find(routes, 0, rows[i].method, rows[i].path, &match), rows[i].error);
                if (rows[i].error != 0) {
                        assert_null(match.route);
                        continue;
                }
                assert_ptr_equal(match.route, &routes[rows[i].route]);
                assert_string_equal(match.parameter, strempty(rows[i].parameter));
        }
}

/* A path outside the scope does not exist, whatever the method. */
static void test_scope(void **state)
{
        static const struct {
                unsigned scope;
                const char *method, *path;
                int error;
        } rows[] = {
                { OUTSIDE, "GET", "/health", 0 },
                { OUTSIDE, "HEAD", "/health", 0 },
                { OUTSIDE, "POST", "/health", DEVBOX_ERROR_METHOD_NOT_ALLOWED },
                { OUTSIDE, "GET", "/jobs", DEVBOX_ERROR_NOT_FOUND },
                { OUTSIDE, "GET", "/jobs/7", DEVBOX_ERROR_NOT_FOUND },
                { OUTSIDE, "POST", "/jobs/7/end", 0 },
                { OTHER, "GET", "/jobs/7", 0 },
                { OTHER, "POST", "/jobs/7/end", DEVBOX_ERROR_NOT_FOUND },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                HttpRouteMatch match = { 0 };

                print_message("%u %s %s\n", rows[i].scope, rows[i].method, rows[i].path);
                assert_err(http_route_find(routes, rows[i].scope, rows[i].method, rows[i].path, &match),
                           rows[i].error);
        }
}

static void test_allowed(void **state)
{
        static const struct {
                unsigned scope;
                const char *path, *methods;
        } rows[] = {
                { 0, "/health", "GET, HEAD" },
                { 0, "/jobs", "POST, GET, HEAD" },
                { 0, "/jobs/7", "GET, HEAD" },
                { 0, "/jobs/7/end", "POST" },
                { 0, "/none", "" },
                { OUTSIDE, "/health", "GET, HEAD" },
                { OUTSIDE, "/jobs", "" },
                { OUTSIDE, "/jobs/7", "" },
                { OUTSIDE, "/jobs/7/end", "POST" },
                { OTHER, "/health", "GET, HEAD" },
                { OTHER, "/jobs/7/end", "" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(freep) char *methods = NULL;

                assert_ok(http_route_allowed(routes, rows[i].scope, rows[i].path, &methods));
                assert_string_equal(methods, rows[i].methods);
        }
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_find),
                cmocka_unit_test(test_scope),
                cmocka_unit_test(test_allowed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
