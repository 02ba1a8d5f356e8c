/* SPDX-License-Identifier: MIT */
/* A system sample as metrics: the exact lines. */

#include "sample/sample-metrics.h"

#include "test.h"

/* The lines of the text that are samples, without HELP and TYPE. */
static char *render(const SystemSample *sample)
{
        _cleanup_(prometheus_done) Prometheus prometheus = PROMETHEUS_NULL;
        _cleanup_(freep) char *text = NULL;
        Text lines = TEXT_NULL;
        char *string, *rest;

        system_sample_add_metrics(&prometheus, sample);
        assert_ok(prometheus_take(&prometheus, &text, NULL));
        for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
                if (line[0] != '#')
                        text_appendf(&lines, "%s\n", line);
        assert_ok(text_take(&lines, &string, NULL));
        return string;
}

static void test_every_figure(void **state)
{
        static const SystemSample sample = {
                .cpu_percent = 12.4,
                .cpu_usec = { 1000000, 2, 3, 4, 5, 6, 7, 8 },
                .memory_total_bytes = 25276502016,
                .memory_available_bytes = 9,
                .swap_total_bytes = 10,
                .swap_free_bytes = 11,
                .load_1 = 0.5,
                .load_5 = 1.25,
                .load_15 = 12,
                .boot_at_usec = 1795290736000001,
                .has_pressure = true,
                .pressure_usec = { 1, 2, 3, 4, 5 },
                .n_disks = 2,
                .disks = { { (char *) "/", UINT64_MAX - 1, 13, 14 }, { (char *) "/a\"b", 15, 16, 17 } },
                .n_networks = 2,
                .networks = { { (char *) "lo", 1, 2, 3, 4, 5, 6, 7, 8 }, { (char *) "eth0" } },
        };
        _cleanup_(freep) char *text = render(&sample);

        assert_string_equal(text,
                            "devbox_boot_time_seconds 1795290736.000001\n"
                            "devbox_cpu_seconds_total{mode=\"user\"} 1.000000\n"
                            "devbox_cpu_seconds_total{mode=\"nice\"} 0.000002\n"
                            "devbox_cpu_seconds_total{mode=\"system\"} 0.000003\n"
                            "devbox_cpu_seconds_total{mode=\"idle\"} 0.000004\n"
                            "devbox_cpu_seconds_total{mode=\"iowait\"} 0.000005\n"
                            "devbox_cpu_seconds_total{mode=\"irq\"} 0.000006\n"
                            "devbox_cpu_seconds_total{mode=\"softirq\"} 0.000007\n"
                            "devbox_cpu_seconds_total{mode=\"steal\"} 0.000008\n"
                            "devbox_cpu_usage_ratio 0.124\n"
                            "devbox_memory_total_bytes 25276502016\n"
                            "devbox_memory_available_bytes 9\n"
                            "devbox_swap_total_bytes 10\n"
                            "devbox_swap_free_bytes 11\n"
                            "devbox_load1 0.5\n"
                            "devbox_load5 1.25\n"
                            "devbox_load15 12\n"
                            "devbox_filesystem_size_bytes{mountpoint=\"/\"} 18446744073709551614\n"
                            "devbox_filesystem_size_bytes{mountpoint=\"/a\\\"b\"} 15\n"
                            "devbox_filesystem_free_bytes{mountpoint=\"/\"} 13\n"
                            "devbox_filesystem_free_bytes{mountpoint=\"/a\\\"b\"} 16\n"
                            "devbox_filesystem_avail_bytes{mountpoint=\"/\"} 14\n"
                            "devbox_filesystem_avail_bytes{mountpoint=\"/a\\\"b\"} 17\n"
                            "devbox_filesystem_device_error{mountpoint=\"/\"} 0\n"
                            "devbox_filesystem_device_error{mountpoint=\"/a\\\"b\"} 0\n"
                            "devbox_network_receive_bytes_total{device=\"lo\"} 1\n"
                            "devbox_network_receive_bytes_total{device=\"eth0\"} 0\n"
                            "devbox_network_receive_packets_total{device=\"lo\"} 2\n"
                            "devbox_network_receive_packets_total{device=\"eth0\"} 0\n"
                            "devbox_network_receive_errors_total{device=\"lo\"} 3\n"
                            "devbox_network_receive_errors_total{device=\"eth0\"} 0\n"
                            "devbox_network_receive_drops_total{device=\"lo\"} 4\n"
                            "devbox_network_receive_drops_total{device=\"eth0\"} 0\n"
                            "devbox_network_transmit_bytes_total{device=\"lo\"} 5\n"
                            "devbox_network_transmit_bytes_total{device=\"eth0\"} 0\n"
                            "devbox_network_transmit_packets_total{device=\"lo\"} 6\n"
                            "devbox_network_transmit_packets_total{device=\"eth0\"} 0\n"
                            "devbox_network_transmit_errors_total{device=\"lo\"} 7\n"
                            "devbox_network_transmit_errors_total{device=\"eth0\"} 0\n"
                            "devbox_network_transmit_drops_total{device=\"lo\"} 8\n"
                            "devbox_network_transmit_drops_total{device=\"eth0\"} 0\n"
                            "devbox_pressure_seconds_total{resource=\"cpu\",scope=\"some\"} 0.000001\n"
                            "devbox_pressure_seconds_total{resource=\"memory\",scope=\"some\"} 0.000002\n"
                            "devbox_pressure_seconds_total{resource=\"memory\",scope=\"full\"} 0.000003\n"
                            "devbox_pressure_seconds_total{resource=\"io\",scope=\"some\"} 0.000004\n"
                            "devbox_pressure_seconds_total{resource=\"io\",scope=\"full\"} 0.000005\n");
}

static void test_a_kernel_without_pressure(void **state)
{
        static const SystemSample sample = { .has_pressure = false };
        _cleanup_(freep) char *text = render(&sample);

        assert_null(strstr(text, "devbox_pressure"));
        assert_null(strstr(text, "devbox_filesystem"));
        assert_non_null(strstr(text, "devbox_load15 0\n"));
}

/* What is unknown has no sample; a disk with a problem says so. */
static void test_unknown_figures(void **state)
{
        _cleanup_(freep) char *text = NULL;
        SystemSample sample;

        system_sample_init(&sample);
        sample.load_5 = 0.5;
        sample.swap_total_bytes = 0;
        sample.has_pressure = true;
        sample.pressure_usec[PRESSURE_IO_SOME] = 7;
        sample.n_disks = 1;
        sample.disks[0].path = (char *) "/srv";
        sample.disks[0].problem = (char *) "timeout";
        sample.n_networks = 1;
        sample.networks[0].device = (char *) "eth0";
        sample.networks[0].transmit_drops = 3;

        text = render(&sample);
        assert_string_equal(text,
                            "devbox_swap_total_bytes 0\n"
                            "devbox_load5 0.5\n"
                            "devbox_filesystem_device_error{mountpoint=\"/srv\"} 1\n"
                            "devbox_network_transmit_drops_total{device=\"eth0\"} 3\n"
                            "devbox_pressure_seconds_total{resource=\"io\",scope=\"some\"} 0.000007\n");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_figure),
                cmocka_unit_test(test_a_kernel_without_pressure),
                cmocka_unit_test(test_unknown_figures),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
