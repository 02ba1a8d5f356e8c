/* SPDX-License-Identifier: MIT */
#include "http/response.h"

#include "test.h"

static void test_static(void **state)
{
        _cleanup_(http_response_unrefp) HttpResponse *reply = NULL;
        static const char body[] = "hello";
        size_t size;

        assert_ok(http_response_new_static(202, "text/plain", body, 5, &reply));
        assert_int_equal(http_response_status(reply), 202);
        assert_ptr_equal(http_response_body(reply, &size), body);
        assert_int_equal(size, 5);
        assert_non_null(http_response_mhd(reply));
}

static void test_take_and_share(void **state)
{
        _cleanup_(http_response_unrefp) HttpResponse *reply = NULL;
        HttpResponse *other;

        assert_ok(http_response_new_take(200, "text/plain", strdup("x"), 1, &reply));
        assert_ok(http_response_add_header(reply, "Location", "/y"));
        other = http_response_ref(reply);
        assert_null(http_response_unref(other));
        assert_string_equal(http_response_body(reply, NULL), "x");
}

static void test_error(void **state)
{
        static const struct {
                int reason;
                const char *detail;
                unsigned status;
                const char *body;
        } rows[] = {
                { DEVBOX_ERROR_BAD_REQUEST, NULL, 400,
                  "{\"error\":{\"code\":\"bad_request\",\"message\":\"the request is malformed\"}}" },
                { DEVBOX_ERROR_BAD_REQUEST, "a \"quote\"", 400,
                  "{\"error\":{\"code\":\"bad_request\",\"message\":\"the request is malformed: a "
                  "\\\"quote\\\"\"}}" },
                { DEVBOX_ERROR_COLLECTOR_UNAVAILABLE, NULL, 503, NULL },
                { -ENOMEM, "not told", 500, NULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(http_response_unrefp) HttpResponse *reply = NULL;

                assert_ok(http_response_new_error(rows[i].reason, rows[i].detail, &reply));
                assert_int_equal(http_response_status(reply), rows[i].status);
                if (rows[i].body)
                        assert_string_equal(http_response_body(reply, NULL), rows[i].body);
                assert_null(strstr(http_response_body(reply, NULL), "not told"));
        }
}

static void test_error_status(void **state)
{
        _cleanup_(http_response_unrefp) HttpResponse *reply = NULL;

        assert_ok(http_response_new_error_status(409, DEVBOX_ERROR_CONFIG_INVALID, "c.yaml:2: why", &reply));
        assert_int_equal(http_response_status(reply), 409);
        assert_non_null(strstr(http_response_body(reply, NULL), "config_invalid"));
        assert_non_null(strstr(http_response_body(reply, NULL), "it has an error: c.yaml:2: why\""));
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_static),
                cmocka_unit_test(test_take_and_share),
                cmocka_unit_test(test_error),
                cmocka_unit_test(test_error_status),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
