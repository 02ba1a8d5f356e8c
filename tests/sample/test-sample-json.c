/* SPDX-License-Identifier: MIT */
/* Samples as JSON: the exact bytes, because clients read them. */

#include "sample/sample-json.h"

#include "test.h"

#define GIB ((uint64_t) 1024 * 1024 * 1024)

static void test_the_shape_of_system(void **state)
{
        const SystemSample sample = {
                .cpu_percent = 12.4,
                .memory_total_bytes = 16 * GIB,
                .memory_available_bytes = 8 * GIB,
                .swap_total_bytes = 2 * GIB,
                .swap_free_bytes = 2 * GIB - 4096,
                .load_1 = 0.5,
                .load_5 = 1.25,
                .load_15 = 12,
                .uptime_usec = 123456 * USEC_PER_SEC + 999999,
                .boot_at_usec = 1709208000 * USEC_PER_SEC,
                .has_pressure = true,
                .pressure_usec = { [PRESSURE_CPU_SOME] = 1500000, [PRESSURE_IO_FULL] = 7 },
                .n_disks = 2,
                .disks = { { (char *) "/", 1000, 400, 300 }, { (char *) "/home", 0, 0, 0 } },
                .n_networks = 1,
                .networks = { { (char *) "eth0", 1, 2, 3, 4, 5, 6, 7, 8 } },
        };
        _cleanup_(freep) char *json = NULL;
        size_t size;

        assert_ok(system_sample_to_json(&sample, &json, &size));
        assert_string_equal(
                json,
                "{\"cpu_percent\":12.4,"
                "\"mem\":{\"total\":17179869184,\"used\":8589934592,\"percent\":50.0,"
                "\"available\":8589934592},"
                "\"disk\":{\"path\":\"/"
                "\",\"total\":1000,\"used\":600,\"percent\":66.7,\"available\":300,\"problem\":null},"
                "\"uptime_seconds\":123456,"
                "\"booted_at\":\"2024-02-29T12:00:00.000Z\","
                "\"load\":{\"avg1\":0.50,\"avg5\":1.25,\"avg15\":12.00},"
                "\"swap\":{\"total\":2147483648,\"used\":4096,\"percent\":0.0},"
                "\"disks\":["
                "{\"path\":\"/"
                "\",\"total\":1000,\"used\":600,\"percent\":66.7,\"available\":300,\"problem\":null},"
                "{\"path\":\"/"
                "home\",\"total\":0,\"used\":0,\"percent\":0.0,\"available\":0,\"problem\":null}],"
                "\"networks\":[{\"device\":\"eth0\","
                "\"receive_bytes\":1,\"receive_packets\":2,\"receive_errors\":3,\"receive_drops\":4,"
                "\"transmit_bytes\":5,\"transmit_packets\":6,\"transmit_errors\":7,\"transmit_drops\":8}],"
                "\"pressure\":{\"cpu\":{\"some_seconds\":1.500000},"
                "\"memory\":{\"some_seconds\":0.000000,\"full_seconds\":0.000000},"
                "\"io\":{\"some_seconds\":0.000000,\"full_seconds\":0.000007}}}");
        assert_int_equal(size, strlen(json));
}

static void test_an_empty_system(void **state)
{
        _cleanup_(freep) char *json = NULL;

        assert_ok(system_sample_to_json(&(SystemSample){ 0 }, &json, NULL));
        assert_string_equal(json, "{\"cpu_percent\":0.0,"
                                  "\"mem\":{\"total\":0,\"used\":0,\"percent\":0.0,\"available\":0},"
                                  "\"disk\":null,\"uptime_seconds\":0,\"booted_at\":null,"
                                  "\"load\":{\"avg1\":0.00,\"avg5\":0.00,\"avg15\":0.00},"
                                  "\"swap\":{\"total\":0,\"used\":0,\"percent\":0.0},"
                                  "\"disks\":[],\"networks\":[],\"pressure\":null}");
}

/* What is unknown is null, its object stays; `disk` is the first of the list and never another. */
static void test_a_system_with_unknown_figures(void **state)
{
        _cleanup_(freep) char *json = NULL;
        SystemSample sample;

        system_sample_init(&sample);
        sample.memory_total_bytes = 1000;
        sample.swap_total_bytes = 2000;
        sample.swap_free_bytes = 1000;
        sample.has_pressure = true;
        sample.pressure_usec[PRESSURE_IO_SOME] = 7;
        sample.n_disks = 2;
        sample.disks[0] = (DiskSample){ (char *) "/srv", SAMPLE_UNKNOWN, SAMPLE_UNKNOWN, SAMPLE_UNKNOWN,
                                        (char *) "timeout" };
        sample.disks[1] = (DiskSample){ (char *) "/", 1000, 400, 300, NULL };

        assert_ok(system_sample_to_json(&sample, &json, NULL));
        assert_string_equal(json,
                            "{\"cpu_percent\":null,"
                            "\"mem\":{\"total\":1000,\"used\":null,\"percent\":null,\"available\":null},"
                            "\"disk\":null,\"uptime_seconds\":null,\"booted_at\":null,"
                            "\"load\":{\"avg1\":null,\"avg5\":null,\"avg15\":null},"
                            "\"swap\":{\"total\":2000,\"used\":1000,\"percent\":50.0},"
                            "\"disks\":[{\"path\":\"/srv\",\"total\":null,\"used\":null,\"percent\":null,"
                            "\"available\":null,\"problem\":\"timeout\"},"
                            "{\"path\":\"/\",\"total\":1000,\"used\":600,\"percent\":66.7,\"available\":300,"
                            "\"problem\":null}],\"networks\":[],"
                            "\"pressure\":{\"cpu\":{\"some_seconds\":null},"
                            "\"memory\":{\"some_seconds\":null,\"full_seconds\":null},"
                            "\"io\":{\"some_seconds\":0.000007,\"full_seconds\":null}}}");
}

static void test_the_shape_of_services(void **state)
{
        static const UnitSamples samples = {
                .n_units = 3,
                .units = {
                        { (char *) "docker", (char *) "docker.service", (char *) "loaded", (char *) "active",
                          (char *) "running", 1709208000 * USEC_PER_SEC, true },
                        { (char *) "ssh", (char *) "ssh.service", (char *) "loaded", (char *) "failed",
                          (char *) "failed", 1709208000 * USEC_PER_SEC, false },
                        { (char *) "no", (char *) "no.service", (char *) "not-found", (char *) "inactive",
                          (char *) "dead", 0 },
                },
        };
        _cleanup_(freep) char *json = NULL;
        size_t size;

        assert_ok(unit_samples_to_json(&samples, &json, &size));
        assert_string_equal(
                json,
                "{\"services\":["
                "{\"name\":\"docker\",\"active\":true,\"state\":\"active\",\"unit\":\"docker.service\","
                "\"load_state\":\"loaded\",\"sub_state\":\"running\","
                "\"active_since\":\"2024-02-29T12:00:00.000Z\"},"
                "{\"name\":\"ssh\",\"active\":false,\"state\":\"failed\",\"unit\":\"ssh.service\","
                "\"load_state\":\"loaded\",\"sub_state\":\"failed\",\"active_since\":null},"
                "{\"name\":\"no\",\"active\":false,\"state\":\"not-found\",\"unit\":\"no.service\","
                "\"load_state\":\"not-found\",\"sub_state\":\"dead\",\"active_since\":null}]}");
        assert_int_equal(size, strlen(json));
}

static void test_no_services(void **state)
{
        _cleanup_(freep) char *json = NULL;

        assert_ok(unit_samples_to_json(&(UnitSamples){ 0 }, &json, NULL));
        assert_string_equal(json, "{\"services\":[]}");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_the_shape_of_system),
                cmocka_unit_test(test_an_empty_system),
                cmocka_unit_test(test_a_system_with_unknown_figures),
                cmocka_unit_test(test_the_shape_of_services),
                cmocka_unit_test(test_no_services),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
