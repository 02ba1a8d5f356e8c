/* SPDX-License-Identifier: MIT */
/* The text exposition format of Prometheus. */

#include "codec/prometheus.h"

#include "test.h"

static const PrometheusFamily requests = { "x_requests_total", "counter", "Requests." };
static const PrometheusFamily time_seconds = { "x_time_seconds", "gauge", "Time." };

static void test_samples(void **state)
{
        _cleanup_(prometheus_done) Prometheus prometheus = PROMETHEUS_NULL;
        _cleanup_(freep) char *text = NULL;
        size_t size;

        prometheus_begin(&prometheus, &requests);
        prometheus_add_u64(&prometheus, PROMETHEUS_LABELS({ "path", "a\\b\"c\nd" }, { "code", "200" }),
                           UINT64_MAX);
        prometheus_add_u64(&prometheus, PROMETHEUS_NO_LABELS, 0);
        prometheus_begin(&prometheus, &time_seconds);
        prometheus_add_usec(&prometheus, PROMETHEUS_NO_LABELS, 1795290736000001);
        prometheus_add_double(&prometheus, PROMETHEUS_NO_LABELS, 0.124);
        prometheus_add_labelled(&prometheus, "{peer=\"dev-a\"}", 1795290736);
        prometheus_add_labelled(&prometheus, "", 1);

        assert_ok(prometheus_take(&prometheus, &text, &size));
        assert_string_equal(text, "# HELP x_requests_total Requests.\n"
                                  "# TYPE x_requests_total counter\n"
                                  "x_requests_total{path=\"a\\\\b\\\"c\\nd\",code=\"200\"} "
                                  "18446744073709551615\n"
                                  "x_requests_total 0\n"
                                  "# HELP x_time_seconds Time.\n"
                                  "# TYPE x_time_seconds gauge\n"
                                  "x_time_seconds 1795290736.000001\n"
                                  "x_time_seconds 0.124\n"
                                  "x_time_seconds{peer=\"dev-a\"} 1795290736\n"
                                  "x_time_seconds 1\n");
        assert_int_equal(size, strlen(text));
}

static void test_a_family_without_samples_is_absent(void **state)
{
        _cleanup_(prometheus_done) Prometheus prometheus = PROMETHEUS_NULL;
        _cleanup_(freep) char *text = NULL;

        prometheus_begin(&prometheus, &requests);
        prometheus_begin(&prometheus, &time_seconds);
        assert_ok(prometheus_take(&prometheus, &text, NULL));
        assert_string_equal(text, "");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_samples),
                cmocka_unit_test(test_a_family_without_samples_is_absent),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
