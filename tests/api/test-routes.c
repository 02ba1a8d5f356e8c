/* SPDX-License-Identifier: MIT */
/* The table of routes agrees with its OpenAPI document. */
#include <cjson/cJSON.h>
#include <ctype.h>

#include "api/api-internal.h"
#include "api/openapi.h"
#include "test.h"

static int setup(void **state)
{
        cJSON *document = cJSON_ParseWithLength(api_openapi, api_openapi_size);

        assert_non_null(document);
        *state = document;
        return 0;
}

static int teardown(void **state)
{
        cJSON_Delete(*state);
        return 0;
}

static const cJSON *at(const cJSON *object, const char *key)
{
        const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, key);

        if (!value)
                fail_msg("openapi.json has no %s", key);
        return value;
}

static void lower(const char *method, char buffer[static 8])
{
        size_t i = 0;

        for (; method[i] && i < 7; i++)
                buffer[i] = (char) tolower(method[i]);
        buffer[i] = '\0';
}

static void test_every_route_is_described(void **state)
{
        for (const HttpRoute *route = api_routes; route->method; route++) {
                const cJSON *operation;
                char method[8];

                lower(route->method, method);
                operation = at(at(at(*state, "paths"), route->path), method);
                assert_non_null(at(operation, "responses"));
                assert_int_equal(!!cJSON_GetObjectItemCaseSensitive(operation, "security"),
                                 route->tag != ACTION_NONE);
        }
}

static void test_nothing_else_is_described(void **state)
{
        const cJSON *path, *operation;

        cJSON_ArrayForEach(path, at(*state, "paths"))
                cJSON_ArrayForEach(operation, path) {
                        bool found = false;

                        for (const HttpRoute *route = api_routes; route->method; route++) {
                                char method[8];

                                lower(route->method, method);
                                found |=
                                        streq(route->path, path->string) && streq(method, operation->string);
                        }
                        if (!found)
                                fail_msg("no route for %s %s", operation->string, path->string);
                }
}

static void check_references(const cJSON *document, const cJSON *value)
{
        const cJSON *child;

        if (value->string && streq(value->string, "$ref")) {
                char path[128], *rest = path;

                assert_true(startswith(value->valuestring, "#/"));
                assert_true(strlen(value->valuestring) < sizeof path);
                strcpy(path, value->valuestring + 2);
                for (const char *key = strsep(&rest, "/"); key; key = strsep(&rest, "/"))
                        document = at(document, key);
        }

        cJSON_ArrayForEach(child, value)
                check_references(document, child);
}

static void test_references_lead_somewhere(void **state)
{
        check_references(*state, *state);
        assert_string_equal(at(*state, "openapi")->valuestring, "3.1.0");
}

/* Other machines reach what is listed here, and nothing else. */
static void test_scopes(void **state)
{
        static const struct {
                const char *path;
                unsigned scopes;
        } rows[] = {
                { "/health", 1 << LISTEN_MESH },
                { "/healthz", 1 << LISTEN_MESH },
                { "/enroll", 1 << LISTEN_BOOTSTRAP },
        };

        for (const HttpRoute *route = api_routes; route->method; route++) {
                unsigned scopes = 0;

                for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                        if (streq(rows[i].path, route->path))
                                scopes = rows[i].scopes;
                if (route->scopes != scopes)
                        fail_msg("%s is served to other machines", route->path);
        }
}

static void test_version(void **state)
{
        assert_string_equal(at(at(*state, "info"), "version")->valuestring, DEVBOX_VERSION);
}

static void test_counters_have_room(void **state)
{
        size_t n = 0;

        while (api_routes[n].method)
                n++;
        assert_true(n < COUNTERS_ROUTES_MAX);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_route_is_described),
                cmocka_unit_test(test_nothing_else_is_described),
                cmocka_unit_test(test_references_lead_somewhere),
                cmocka_unit_test(test_scopes),
                cmocka_unit_test(test_version),
                cmocka_unit_test(test_counters_have_room),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
