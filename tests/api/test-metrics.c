/* SPDX-License-Identifier: MIT */
#include "api/metrics.h"

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "message.h"
#include "test.h"

static void handle(HttpRequest *request, void *owner)
{
}

static void fetch(unsigned key, void *owner)
{
}

static usec_t now(void *owner)
{
        return 0;
}

static const HttpRoute routes[] = {
        { "GET", "/health", handle, 0 },
        { "GET", "/jobs/{id}", handle, 0 },
        {},
};

static const char *const keys[] = { "system", NULL };

typedef struct World {
        SystemSample system;
        UnitSamples units;
        PartSamples parts;
        ProcessSample process;
        Counters counters;
        HttpStats http;
        BusClientStats collector;
        Cache *cache;
        sd_bus *bus;
        MetricsSource source;
} World;

/* The strings are the test's own, so no sample is freed. */
static void fill(World *world)
{
        static char root[] = "/", odd[] = "/a\"b\\c\nd", eth0[] = "eth0", ssh[] = "ssh.service",
                    loaded[] = "loaded", active[] = "active", gone[] = "gone.timer",
                    not_found[] = "not-found", inactive[] = "inactive", units[] = "services",
                    new[] = "new.service", hibernating[] = "hibernating";

        world->system = (SystemSample){
                .cpu_percent = 12.4,
                .cpu_usec = { [CPU_USER] = 522700000, [CPU_IDLE] = 3611200000 },
                .memory_total_bytes = 25276502016,
                .boot_at_usec = 1795290736000001,
                .load_1 = 0.5,
                .has_pressure = true,
                .n_disks = 2,
                .disks = { { .path = root, .total_bytes = UINT64_MAX - 1 }, { .path = odd } },
                .n_networks = 1,
                .networks = { { .device = eth0, .receive_bytes = 7 } },
        };
        world->units = (UnitSamples){
                .n_units = 4, /* the third is the first by another name */
                .units = { { .id = ssh,
                             .load_state = loaded,
                             .active_state = active,
                             .active_enter_at_usec = 1795292093000000 },
                           { .id = gone, .load_state = not_found, .active_state = inactive },
                           { .id = ssh, .load_state = loaded, .active_state = active },
                           { .id = new, .load_state = loaded, .active_state = hibernating } },
        };
        world->parts = (PartSamples){
                .n_parts = 1,
                .parts = { { .name = units, .success = true, .refresh_usec = 412 } },
        };
        counters_count_answer(&world->counters, 0, 200);
        counters_count_answer(&world->counters, 2, 404);
}

/* Metrics of later versions are skipped. */
static void fill_mesh(World *world)
{
        sd_bus_message *mesh = message_new(world->bus);

        assert_ok(sd_bus_message_append(
                mesh, "a{sd}", 6, "up", 1.0, "peer_presence{peer=\"dev-a\",presence=\"online\"}", 1.0,
                "upper", 7.0, "peer_rx_bytes_total{peer=\"dev-a\"}", 25276502016.0,
                "peer_last_handshake_timestamp_seconds{peer=\"dev-a\"}", 1795290736.25,
                "peer_presence{peer=\"dev-b\",presence=\"online\"}", 0.0));
        assert_ok(message_seal(mesh));
        world->source.components[API_SERVICE_MESH] = mesh;
}

static void fill_dispatch(World *world)
{
        sd_bus_message *dispatch = message_new(world->bus);

        assert_ok(sd_bus_message_append(
                dispatch, "a{sd}", 5, "requests_total{capability=\"shell.exec\",outcome=\"finished\"}", 4.0,
                "request_duration_seconds_bucket{le=\"0.1\"}", 3.0,
                "request_duration_seconds_bucket{le=\"+Inf\"}", 4.0, "request_duration_seconds_sum", 1.5,
                "request_duration_seconds_count", 4.0));
        assert_ok(message_seal(dispatch));
        world->source.components[API_SERVICE_DISPATCH] = dispatch;
}

static int setup(void **state)
{
        World *world = calloc(1, sizeof *world);
        CacheOptions options = { 1, 0, (const usec_t[]){ USEC_INFINITY }, 1, { fetch, now }, world };

        assert_non_null(world);
        fill(world);
        assert_ok(cache_new(&options, &world->cache));
        world->source = (MetricsSource){
                .system = &world->system,
                .units = &world->units,
                .parts = &world->parts,
                .process = &world->process,
                .routes = routes,
                .counters = &world->counters,
                .http = &world->http,
                .collector = &world->collector,
                .cache_keys = keys,
                .cache = world->cache,
        };
        world->bus = message_bus_new();
        fill_mesh(world);
        fill_dispatch(world);
        *state = world;
        return 0;
}

static int teardown(void **state)
{
        World *world = *state;

        for (size_t i = 0; i < _API_SERVICE_MAX; i++)
                sd_bus_message_unref(world->source.components[i]);
        sd_bus_unref(world->bus);
        cache_free(world->cache);
        free(world);
        return 0;
}

static void test_lines(void **state)
{
        static const char *const lines[] = {
                "devbox_boot_time_seconds 1795290736.000001",
                "devbox_cpu_seconds_total{mode=\"user\"} 522.700000",
                "devbox_cpu_seconds_total{mode=\"steal\"} 0.000000",
                "devbox_cpu_usage_ratio 0.124",
                "devbox_memory_total_bytes 25276502016",
                "devbox_load1 0.5",
                "devbox_filesystem_size_bytes{mountpoint=\"/\"} 18446744073709551614",
                "devbox_filesystem_size_bytes{mountpoint=\"/a\\\"b\\\\c\\nd\"} 0",
                "devbox_network_receive_bytes_total{device=\"eth0\"} 7",
                "devbox_pressure_seconds_total{resource=\"io\",scope=\"full\"} 0.000000",
                "devbox_unit_state{name=\"ssh.service\",type=\"service\",state=\"active\"} 1",
                "devbox_unit_state{name=\"ssh.service\",type=\"service\",state=\"failed\"} 0",
                "devbox_unit_state{name=\"ssh.service\",type=\"service\",state=\"refreshing\"} 0",
                "devbox_unit_state{name=\"new.service\",type=\"service\",state=\"hibernating\"} 1",
                "devbox_unit_loaded{name=\"gone.timer\",type=\"timer\"} 0",
                "devbox_unit_start_time_seconds{name=\"ssh.service\",type=\"service\"} 1795292093.000000",
                "devbox_collector_up 1",
                "devbox_collector_success{collector=\"services\"} 1",
                "devbox_collector_refresh_seconds{collector=\"services\"} 0.000412",
                "devbox_http_requests_total{route=\"/health\",method=\"GET\",code=\"200\"} 1",
                "devbox_http_requests_total{route=\"other\",method=\"other\",code=\"404\"} 1",
                "devbox_cache_hits_total{key=\"system\"} 0",
                "devbox_actions_total{action=\"restart\",outcome=\"accepted\"} 0",
                "devbox_mesh_up 1",
                "devbox_mesh_peer_presence{peer=\"dev-a\",presence=\"online\"} 1",
                "devbox_mesh_peer_presence{peer=\"dev-b\",presence=\"online\"} 0",
                "devbox_mesh_peer_rx_bytes_total{peer=\"dev-a\"} 25276502016",
                "devbox_mesh_peer_last_handshake_timestamp_seconds{peer=\"dev-a\"} 1795290736.25",
                "devbox_dispatch_requests_total{capability=\"shell.exec\",outcome=\"finished\"} 4",
                "# TYPE devbox_dispatch_request_duration_seconds histogram\n"
                "devbox_dispatch_request_duration_seconds_bucket{le=\"0.1\"} 3\n"
                "devbox_dispatch_request_duration_seconds_bucket{le=\"+Inf\"} 4\n"
                "devbox_dispatch_request_duration_seconds_sum 1.5\n"
                "devbox_dispatch_request_duration_seconds_count 4",
        };
        static const char loaded_ssh[] = "\ndevbox_unit_loaded{name=\"ssh.service\"";
        _cleanup_(freep) char *text = NULL;
        World *world = *state;

        assert_ok(metrics_render(&world->source, &text, NULL));
        for (size_t i = 0; i < ELEMENTSOF(lines); i++) {
                char line[512];

                (void) snprintf(line, sizeof line, "\n%s\n", lines[i]);
                if (!strstr(text, line))
                        fail_msg("no line %s in\n%s", lines[i], text);
        }
        assert_null(strstr(text, "unit_state{name=\"gone"));
        assert_null(strstr(strstr(text, loaded_ssh) + 1, loaded_ssh));
        assert_null(strstr(text, "unit_start_time_seconds{name=\"gone"));
        assert_null(strstr(text, "upper"));
}

static void test_absent(void **state)
{
        static const char *const absent[] = {
                "devbox_cpu",   "devbox_memory", "devbox_filesystem", "devbox_network",
                "devbox_unit",  "devbox_load",   "devbox_pressure",   "devbox_collector_success",
                "process_open", "devbox_mesh",   "devbox_dispatch"
        };
        _cleanup_(freep) char *text = NULL;
        World *world = *state;

        world->source.system = NULL;
        world->source.units = NULL;
        world->source.parts = NULL;
        world->source.process = NULL;
        for (size_t i = 0; i < _API_SERVICE_MAX; i++)
                world->source.components[i] = sd_bus_message_unref(world->source.components[i]);
        assert_ok(metrics_render(&world->source, &text, NULL));
        assert_non_null(strstr(text, "\ndevbox_collector_up 0\n"));
        assert_non_null(strstr(text, "\ndevbox_http_requests_total{"));
        for (size_t i = 0; i < ELEMENTSOF(absent); i++)
                assert_null(strstr(text, absent[i]));
}

/* Whether it is the family's name, or one of the names of a histogram. */
static bool is_name_of(const char *name, const char *family, bool histogram)
{
        static const char *const suffixes[] = { "_bucket", "_sum", "_count" };

        if (!startswith(name, family))
                return false;
        for (size_t i = 0; histogram && i < ELEMENTSOF(suffixes); i++)
                if (streq(name + strlen(family), suffixes[i]))
                        return true;

        return !histogram && streq(name, family);
}

/* Every family once, its head first, its name in all its samples. */
static void test_families_are_contiguous(void **state)
{
        _cleanup_(freep) char *text = NULL;
        char family[128] = "", type[32] = "", heads[64 * 1024] = "";
        World *world = *state;

        assert_ok(metrics_render(&world->source, &text, NULL));
        for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
                char name[128], head[160];

                if (sscanf(line, "# HELP %127s", name) == 1) {
                        (void) snprintf(head, sizeof head, " %s ", name);
                        assert_null(strstr(heads, head));
                        strcat(heads, head);
                        strcpy(family, name);
                } else if (sscanf(line, "# TYPE %127s %31s", name, type) == 2)
                        assert_string_equal(name, family);
                else {
                        line[strcspn(line, "{ ")] = '\0';
                        assert_true(is_name_of(line, family, streq(type, "histogram")));
                }
        }
}

/* The judge is Prometheus itself, where it is installed. */
static void test_promtool(void **state)
{
        _cleanup_(freep) char *text = NULL;
        World *world = *state;
        size_t size;

        if (access("/usr/bin/promtool", X_OK) < 0)
                skip();

        assert_ok(metrics_render(&world->source, &text, &size));
        FILE *promtool = popen("/usr/bin/promtool check metrics 2>&1 >/dev/null", "w");
        assert_non_null(promtool);
        assert_int_equal(fwrite(text, 1, size, promtool), size);
        assert_int_equal(pclose(promtool), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        static const struct CMUnitTest tests[] = {
                TEST(test_lines),
                TEST(test_absent),
                TEST(test_families_are_contiguous),
                TEST(test_promtool),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
