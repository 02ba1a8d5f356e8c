/* SPDX-License-Identifier: MIT */
/* devboxctl as a person runs it, against the real collector and a fake systemd1. */

#include <cjson/cJSON.h>
#include <linux/capability.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ctl-run.h"
#include "fake.h"
#include "files.h"

#define COLLECTOR_PROGRAM "src/collector/devbox-collector"
#define COLLECTOR         "org.devbox.Collector1"
#define CONFIG            "http:\n  port: 8081\nservices:\n  - docker\n  - ssh.socket\n"

typedef struct World {
        TestBus *bus;
        TestDaemon *systemd;
} World;

static Run run_ctl(World *world, const char *a, const char *b, const char *c)
{
        return run_ctl_words(world->bus, (const char *const[]){ a, b, c, NULL });
}

/* All is as an installation makes it: the units are there, the socket listens, the API sleeps, the collector
 * starts on demand. */
static int world_up(void **state)
{
        World *world = calloc(1, sizeof *world);

        assert_non_null(world);
        assert_ok(setenv("DEVBOX_API_SOCKET", "/nonexistent", 1)); /* not that of a devbox on this machine */
        world->bus = test_bus_new();
        world->systemd = fake_start(world->bus);
        test_bus_write_config(world->bus, CONFIG);
        test_bus_add_activation(world->bus, COLLECTOR, COLLECTOR_PROGRAM);
        fake_set_unit(world->bus, &(FakeUnit){ .id = "devbox-api.socket", .sub_state = "listening" });
        fake_set_unit(world->bus, &(FakeUnit){ .id = "devbox-api.service", .active_state = "inactive" });
        fake_set_unit(world->bus,
                      &(FakeUnit){ .id = "devbox-collector.service", .active_state = "inactive" });
        fake_set_unit(world->bus, &(FakeUnit){ .id = "devbox-ledger.service", .active_state = "inactive" });
        fake_set_unit(world->bus, &(FakeUnit){ .id = "docker.service" });
        fake_set_unit(world->bus, &(FakeUnit){ .id = "ssh.socket", .sub_state = "listening" });
        *state = world;
        return 0;
}

static int world_down(void **state)
{
        World *world = *state;

        test_daemon_free(world->systemd);
        test_bus_free(world->bus);
        free(world);
        return 0;
}

static void test_status_shows_all_and_wakes_no_api(void **state)
{
        World *world = *state;
        _cleanup_(run_done) Run run = run_ctl(world, "status", NULL, NULL);

        assert_has(run.output, "devbox " DEVBOX_VERSION " on ");
        assert_has(run.output, "socket listening");
        assert_has(run.output, "api sleeping socket listening: the next request starts it\n");
        assert_has(run.output, "collector running " DEVBOX_VERSION ", for ");
        assert_has(run.output, "ledger sleeping the next call starts it\n");
        assert_has(run.output, "memory ");
        assert_has(run.output, "services 2 of 2 active\n");
        assert_null(strchr(run.output, '\x1b')); /* no terminal, no colours */
        assert_int_equal(run.status, 0);
        assert_false(test_bus_has_owner(world->bus, "org.devbox.Api1"));
}

static void test_status_names_what_is_wrong(void **state)
{
        World *world = *state;

        fake_set_unit(
                world->bus,
                &(FakeUnit){ .id = "docker.service", .active_state = "failed", .sub_state = "failed" });
        fake_set_unit(world->bus, &(FakeUnit){ .id = "devbox-api.socket", .active_state = "inactive" });
        _cleanup_(run_done) Run run = run_ctl(world, NULL, NULL, NULL);
        assert_has(run.output, "socket stopped run: systemctl start devbox.target\n");
        assert_has(run.output, "services 1 of 2 active\n");
        assert_has(run.output, " docker failed see: systemctl status docker.service\n");
        assert_int_equal(run.status, 1);
}

static void test_health_names_what_is_masked(void **state)
{
        World *world = *state;

        fake_set_unit(world->bus, &(FakeUnit){ .id = "devbox-collector.service",
                                               .load_state = "masked",
                                               .active_state = "inactive" });
        _cleanup_(run_done) Run run = run_ctl(world, "health", NULL, NULL);
        assert_has(run.output, "collector masked run: systemctl unmask ");
        assert_int_equal(run.status, 1);
}

static void test_health_knows_the_ledger(void **state)
{
        static const struct {
                FakeUnit unit;
                const char *shown;
        } rows[] = {
                { { .load_state = "masked", .active_state = "inactive" },
                  "ledger masked run: systemctl unmask " },
                { { .active_state = "failed", .sub_state = "failed" }, "ledger failed see: journalctl" },
                { { .active_state = "activating", .sub_state = "auto-restart" },
                  "ledger crashing it fails again" },
                { { .active_state = "activating", .sub_state = "auto-restart-queued" }, "ledger crashing " },
        };
        World *world = *state;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                FakeUnit unit = rows[i].unit;

                unit.id = "devbox-ledger.service";
                fake_set_unit(world->bus, &unit);
                _cleanup_(run_done) Run health = run_ctl(world, "health", NULL, NULL);
                _cleanup_(run_done) Run status = run_ctl(world, "status", NULL, NULL);
                assert_has(health.output, rows[i].shown);
                assert_has(status.output, rows[i].shown);
                assert_int_equal(health.status, 1);
                assert_int_equal(status.status, 1);
        }
}

/* The daemons of a role count on machines that have it, and on no others. */
static void test_health_knows_the_role(void **state)
{
        static const struct {
                const char *target, *unit, *shown;
        } rows[] = {
                { "devbox-hub.target", "devbox-mesh.service", "mesh failed see: journalctl" },
                { "devbox-hub.target", "devbox-dispatch.service", "dispatch failed see: journalctl" },
                { "devbox-device.target", "devbox-agent.service", "agent failed see: journalctl" },
        };
        World *world = *state;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                fake_set_unit(
                        world->bus,
                        &(FakeUnit){ .id = rows[i].unit, .active_state = "failed", .sub_state = "failed" });
                _cleanup_(run_done) Run before = run_ctl(world, "status", NULL, NULL);
                assert_null(strstr(before.output, rows[i].shown));

                fake_set_unit(world->bus, &(FakeUnit){ .id = rows[i].target });
                _cleanup_(run_done) Run health = run_ctl(world, "health", NULL, NULL);
                _cleanup_(run_done) Run status = run_ctl(world, "status", NULL, NULL);
                assert_has(health.output, rows[i].shown);
                assert_has(status.output, rows[i].shown);
                assert_int_equal(health.status, 1);
                fake_set_unit(world->bus, &(FakeUnit){ .id = rows[i].target, .active_state = "inactive" });
        }
}

/* A machine without the role has no such unit, and nothing is missing. */
static void test_health_without_the_ledger(void **state)
{
        World *world = *state;

        fake_set_unit(world->bus, &(FakeUnit){ .id = "devbox-ledger.service",
                                               .load_state = "not-found",
                                               .active_state = "inactive" });
        _cleanup_(run_done) Run health = run_ctl(world, "health", NULL, NULL);
        _cleanup_(run_done) Run status = run_ctl(world, "status", NULL, NULL);
        assert_int_equal(health.status, 0);
        assert_int_equal(status.status, 0);
        assert_null(strstr(status.output, "ledger"));
}

static void test_status_as_json(void **state)
{
        World *world = *state;
        _cleanup_(run_done) Run run = run_ctl(world, "--json", "status", NULL);
        cJSON *tree = cJSON_Parse(run.output);

        assert_non_null(tree);
        assert_string_equal(cJSON_GetObjectItem(tree, "version")->valuestring, DEVBOX_VERSION);
        assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(tree, "components")), 4);
        assert_true(cJSON_IsNull(cJSON_GetObjectItem(tree, "problem")));
        assert_true(cJSON_IsNumber(cJSON_GetObjectItem(cJSON_GetObjectItem(tree, "system"), "cpu_percent")));
        assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(tree, "services")), 2);
        cJSON_Delete(tree);
        assert_int_equal(run.status, 0);
}

static void test_system(void **state)
{
        World *world = *state;
        _cleanup_(run_done) Run text = run_ctl(world, "system", NULL, NULL);
        _cleanup_(run_done) Run json = run_ctl(world, "system", "--json", NULL);
        cJSON *tree = cJSON_Parse(json.output);

        assert_has(text.output, "cpu ");
        assert_has(text.output, "disk / ");
        assert_int_equal(text.status, 0);

        assert_true(startswith(json.output, "{\"cpu_percent\":"));
        assert_non_null(tree);
        cJSON_Delete(tree);
        assert_int_equal(json.status, 0);
}

static void test_services(void **state)
{
        World *world = *state;

        fake_set_unit(world->bus, &(FakeUnit){ .id = "docker.service",
                                               .load_state = "not-found",
                                               .active_state = "inactive",
                                               .sub_state = "dead" });
        _cleanup_(run_done) Run text = run_ctl(world, "services", NULL, NULL);
        _cleanup_(run_done) Run json = run_ctl(world, "--json", "services", NULL);

        assert_string_equal(text.output, "NAME STATE DETAIL FOR UNIT\n"
                                         "docker not-found dead - docker.service\n"
                                         "ssh.socket active listening - ssh.socket\n");
        assert_int_equal(text.status, 1);
        assert_true(startswith(json.output, "{\"services\":[{\"name\":\"docker\",\"active\":false,"
                                            "\"state\":\"not-found\",\"unit\":\"docker.service\","));
        assert_int_equal(json.status, 1);
}

static void test_no_services_are_configured(void **state)
{
        World *world = *state;

        test_bus_write_config(world->bus, "");
        _cleanup_(run_done) Run run = run_ctl(world, "services", NULL, NULL);
        assert_has(run.output, "No services are configured");
        assert_int_equal(run.status, 0);
}

static void test_health_wakes_nobody(void **state)
{
        World *world = *state;
        _cleanup_(run_done) Run text = run_ctl(world, "health", NULL, NULL);
        _cleanup_(run_done) Run json = run_ctl(world, "health", "--json", NULL);

        assert_string_equal(text.output, "ok devbox " DEVBOX_VERSION "\n");
        assert_int_equal(text.status, 0);
        assert_true(startswith(json.output, "{\"status\":\"ok\",\"service\":\"devbox\",\"version\":"));
        assert_int_equal(json.status, 0);
        assert_false(test_bus_has_owner(world->bus, COLLECTOR));
}

static void test_health_names_what_is_wrong(void **state)
{
        World *world = *state;

        test_bus_write_config(world->bus, "http:\n  prot: 1\n");
        fake_set_unit(world->bus, &(FakeUnit){ .id = "devbox-collector.service", .active_state = "failed" });
        _cleanup_(run_done) Run run = run_ctl(world, "health", NULL, NULL);
        assert_has(run.output, "config.yaml:2: unknown key 'prot' in http; did you mean 'port'?\n");
        assert_has(run.output, "collector failed see: journalctl -u 'devbox-*'\n");
        assert_int_equal(run.status, 1);
}

static void test_an_invalid_configuration_is_told_by_the_collector(void **state)
{
        World *world = *state;

        test_bus_write_config(world->bus, "http:\n  port: 0\n");
        _cleanup_(run_done) Run text = run_ctl(world, "services", NULL, NULL);
        _cleanup_(run_done) Run json = run_ctl(world, "services", "--json", NULL);

        assert_has(text.output, "config.yaml:2: http.port must be a whole number from 1 to 65535");
        assert_int_equal(text.status, 1);
        assert_true(startswith(json.output, "{\"error\":{\"code\":\"config_invalid\",\"message\":"));
        assert_int_equal(json.status, 1);
}

static void test_config_check(void **state)
{
        World *world = *state;
        _cleanup_(run_done) Run fine = run_ctl(world, "config", "check", NULL);

        assert_has(fine.output, "/config.yaml: ok\n");
        assert_has(fine.output, "note: auth.token is not set: all actions are denied\n");
        assert_int_equal(fine.status, 0);

        test_bus_write_config(world->bus, "api:\n  max_connections: 532\n");
        _cleanup_(run_done) Run some = run_ctl(world, "config", "check", NULL);
        assert_null(strstr(some.output, "max_connections"));
        test_bus_write_config(world->bus, "api:\n  max_connections: 533\n");
        _cleanup_(run_done) Run many = run_ctl(world, "config", "check", NULL);
        assert_has(many.output, "note: api.max_connections is beyond the memory for connections: ");
        assert_int_equal(many.status, 0);

        test_bus_write_config(world->bus, "auth:\n  token: s3cr3t\n");
        _cleanup_(run_done) Run wrong = run_ctl(world, "config", "check", world->bus->config_path);
        _cleanup_(run_done) Run json = run_ctl(world, "--json", "config", "check");
        assert_has(wrong.output, "/config.yaml:2: auth.token must be 8 to 256 visible");
        assert_null(strstr(wrong.output, "s3cr3t"));
        assert_int_equal(wrong.status, 1);
        assert_has(json.output, "\"valid\":false,\"problem\":\"");
        assert_int_equal(json.status, 1);
}

static void test_selftest_tells_each_check(void **state)
{
        World *world = *state;
        _cleanup_(run_done) Run run = run_ctl(world, "selftest", NULL, NULL);

        assert_true(startswith(run.output, "ok config\nok bus\nok collector\nok system\nok services\n"
                                           "not ok http: GET /health over "));
        assert_has(run.output,
                   "not ok api: org.devbox.Api1 is not on the bus; see: journalctl -u 'devbox-*'\n");
        assert_int_equal(run.status, 1);
}

/* Of the programs that this one starts from here on, if it is root's. */
static bool drop_access_to_any_file(void)
{
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct sets[2];

        if (geteuid() != 0)
                return true;
        if (prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, 0, 0, 0) < 0 ||
            prctl(PR_CAPBSET_DROP, CAP_DAC_READ_SEARCH, 0, 0, 0) < 0 ||
            syscall(SYS_capget, &header, sets) < 0)
                return false;

        sets[0].inheritable = sets[1].inheritable = 0;
        return syscall(SYS_capset, &header, sets) == 0;
}

/* A member of devbox-admin may call the daemons, and not read the file that has the token. */
static void test_selftest_without_the_configuration(void **state)
{
        World *world = *state;

        if (!drop_access_to_any_file()) {
                print_message("SKIPPED: root may not drop its capabilities here: %s\n", strerror(errno));
                skip();
        }
        assert_ok(chmod(world->bus->config_path, 0));
        _cleanup_(run_done) Run run = run_ctl(world, "selftest", NULL, NULL);
        _cleanup_(run_done) Run json = run_ctl(world, "selftest", "--json", NULL);

        assert_has(run.output,
                   "ok config: skipped, the configuration is not readable for this user\nok bus\n");
        assert_has(run.output, "\nok services: skipped, the configuration is not readable for this user\n");
        assert_null(strstr(run.output, "not ok config"));
        assert_has(json.output, "{\"name\":\"config\",\"ok\":true,\"skipped\":true,\"reason\":\"the conf");
}

static void test_there_is_no_collector(void **state)
{
        World *world = calloc(1, sizeof *world);

        assert_non_null(world);
        world->bus = test_bus_new(); /* nothing on it */
        _cleanup_(run_done) Run text = run_ctl(world, "system", NULL, NULL);
        _cleanup_(run_done) Run json = run_ctl(world, "system", "--json", NULL);
        _cleanup_(run_done) Run status = run_ctl(world, "status", NULL, NULL);
        assert_string_equal(text.output,
                            "devboxctl: devbox-collector does not answer; see: systemctl status "
                            "devbox-collector\n");
        assert_int_equal(text.status, 1);
        assert_true(startswith(json.output, "{\"error\":{\"code\":\"collector_unavailable\","));
        assert_has(status.output, "collector unknown");
        assert_has(status.output, "figures none");
        assert_int_equal(status.status, 1);

        test_bus_free(world->bus);
        free(world);
}

static void test_another_host(void **state)
{
        World *world = *state;

        ctl_run_use_ssh(world->bus, "ana@hub");
        _cleanup_(run_done) Run run =
                run_ctl_words(world->bus, (const char *const[]){ "-H", "ana@hub", "services", NULL });
        _cleanup_(run_done) Run none = run_ctl(world, "--host", "elsewhere", "services");
        ctl_run_use_ssh(world->bus, NULL);
        assert_has(run.output, "docker");
        assert_int_equal(run.status, 0);
        assert_has(none.output, "cannot reach the system bus of elsewhere over ssh; try: ssh elsewhere");
        assert_int_equal(none.status, 1);
}

static void test_there_is_no_bus(void **state)
{
        World *world = *state;
        char name[] = "no-bus";
        const char *environment[] = { "DBUS_SYSTEM_BUS_ADDRESS=unix:path=/nonexistent", NULL };
        const char *words[] = { "status", NULL };

        _cleanup_(test_daemon_freep) TestDaemon *daemon =
                test_daemon_start_full(world->bus, &(TestDaemonOptions){ .program = "src/ctl/devboxctl",
                                                                         .name = name,
                                                                         .arguments = words,
                                                                         .environment = environment,
                                                                         .no_wait = true });
        assert_int_equal(test_daemon_wait(daemon), 1);
        _cleanup_(freep) char *output = test_bus_read_log(world->bus, name);
        assert_string_equal(output,
                            "devboxctl: the system bus cannot be reached; see: systemctl status dbus\n");
}

static void test_wrong_usage(void **state)
{
        static const struct {
                const char *words[3], *complaint;
        } rows[] = {
                { { "statsu" }, "unknown command (did you mean 'status'?); see: devboxctl help\n" },
                { { "dance" }, "unknown command 'dance'; see: devboxctl help\n" },
                { { "lint" }, "unknown command (did you mean 'manifest lint'?); see: devboxctl help\n" },
                { { "help", "dance" }, "unknown command 'dance'; see: devboxctl help\n" },
                { { "config" }, "'config' needs one of: check; see: devboxctl help config\n" },
                { { "device" },
                  "'device' needs one of: status, key, enroll, install, reload, accept-clock, grant, reset; "
                  "see: devboxctl help device\n" },
                { { "config", "cheque" }, "unknown command 'config cheque'; see: devboxctl help config\n" },
                { { "help", "config", "cheque" },
                  "unknown command 'config cheque'; see: devboxctl help config\n" },
                { { "status", "now" }, "'status' takes no arguments; see: devboxctl help status\n" },
                { { "manifest", "lint" },
                  "'manifest lint' takes: FILE; see: devboxctl help manifest lint\n" },
                { { "--jsno" }, "unknown option '--jsno'; see: devboxctl help\n" },
                { { "--json=x" }, "unknown option; see: devboxctl help\n" },
                { { "-H", "hub", "status" },
                  "'status' works there only: ssh hub devboxctl status; see: devboxctl help status\n" },
                { { "system", "--host" }, "--host needs a value: USER@HOST; see: devboxctl help system\n" },
                { { "status", "-xh" }, "unknown option; see: devboxctl help status\n" },
                { { "audit", "tail", "--flolow" },
                  "unknown option (did you mean '--follow'?); see: devboxctl help audit tail\n" },
                { { "--db", "x", "audit" },
                  "'--db' is an option of a command and goes after it; see: devboxctl help\n" },
        };
        World *world = *state;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(run_done) Run run =
                        run_ctl(world, rows[i].words[0], rows[i].words[1], rows[i].words[2]);

                assert_true(startswith(run.output, "devboxctl: "));
                assert_string_equal(run.output + strlen("devboxctl: "), rows[i].complaint);
                assert_int_equal(run.status, 2);
        }

        _cleanup_(run_done) Run help = run_ctl(world, "--help", NULL, NULL);
        assert_has(help.output, "config check [FILE]");
        assert_int_equal(help.status, 0);
        _cleanup_(run_done) Run version = run_ctl(world, "--version", NULL, NULL);
        assert_string_equal(version.output, "devboxctl " DEVBOX_VERSION "\n");
        assert_int_equal(version.status, 0);
}

#define test_in_world(function) cmocka_unit_test_setup_teardown(function, world_up, world_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                test_in_world(test_status_shows_all_and_wakes_no_api),
                test_in_world(test_status_names_what_is_wrong),
                test_in_world(test_health_names_what_is_masked),
                test_in_world(test_health_knows_the_ledger),
                test_in_world(test_health_knows_the_role),
                test_in_world(test_health_without_the_ledger),
                test_in_world(test_status_as_json),
                test_in_world(test_system),
                test_in_world(test_services),
                test_in_world(test_no_services_are_configured),
                test_in_world(test_health_wakes_nobody),
                test_in_world(test_health_names_what_is_wrong),
                test_in_world(test_an_invalid_configuration_is_told_by_the_collector),
                test_in_world(test_config_check),
                test_in_world(test_selftest_tells_each_check),
                cmocka_unit_test(test_there_is_no_collector),
                test_in_world(test_another_host),
                test_in_world(test_there_is_no_bus),
                test_in_world(test_wrong_usage),
                test_in_world(test_selftest_without_the_configuration), /* the last: drops capabilities */
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
