/* SPDX-License-Identifier: MIT */
/* devboxctl selftest: calls every interface of devbox once, and compares the answers.
 * devbox-selftest.service runs it as the user devbox; it changes nothing. Each check prints one line, "ok
 * NAME" or "not ok NAME: reason". */

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "config/load.h"
#include "ctl/client.h"
#include "ctl/print.h"
#include "ctl/status/collector-client.h"
#include "ctl/status/component-client.h"
#include "ctl/status/http-get.h"
#include "ctl/verbs.h"

#define API_SOCKET        "/run/devbox/api.sock"
#define API_APPEARS_USEC  (2 * USEC_PER_SEC)
#define BUS_UNREACHABLE   "the system bus cannot be reached"
#define RELOAD            "systemctl try-reload-or-restart devbox-collector"
#define CONFIG_INVALID    "the configuration is not valid, so there is nothing to compare with"
#define CONFIG_UNREADABLE "the configuration is not readable for this user"

typedef struct Selftest {
        sd_bus *bus;    /* NULL: could not be opened */
        Config *config; /* NULL: invalid, or not readable */
        bool config_unreadable;
} Selftest;

#define CHECK_SKIPPED (-ENOTSUP)

/* Returns 0 for passed, CHECK_SKIPPED or > 0 for failed, both with the reason, which the caller frees. */
typedef int (*CheckFunction)(Selftest *test, char **ret_reason);

static int _printf_(2, 3) differs(char **ret_reason, const char *format, ...)
{
        va_list args;
        char *reason;

        va_start(args, format);
        int length = vasprintf(&reason, format, args);
        va_end(args);
        if (length < 0)
                return -ENOMEM;

        *ret_reason = reason;
        return 1;
}

static int skip_check(char **ret_reason, const char *reason)
{
        *ret_reason = strdup(reason);
        return *ret_reason ? CHECK_SKIPPED : -ENOMEM;
}

static int check_config(Selftest *test, char **ret_reason)
{
        test->config_unreadable = access(config_path(), R_OK) < 0 && errno == EACCES;
        if (test->config_unreadable)
                return skip_check(ret_reason, CONFIG_UNREADABLE);

        return config_load(config_path(), &test->config, ret_reason);
}

static int check_bus(Selftest *test, char **ret_reason)
{
        return client_open(NULL, &test->bus, ret_reason);
}

/* Whether the object has these interfaces and members: words with blanks between. */
static int check_introspection(Selftest *test, const char *name, const char *members, char **ret_reason)
{
        _cleanup_(freep) char *xml = NULL;

        int r = component_client_introspect(test->bus, name, &xml, ret_reason);
        for (size_t length; r == 0 && *members != '\0'; members += length + strspn(members + length, " ")) {
                char quoted[64];

                length = strcspn(members, " ");
                (void) snprintf(quoted, sizeof quoted, "name=\"%.*s\"", (int) length, members);
                if (!strstr(xml, quoted))
                        r = differs(ret_reason, "org.devbox.%s has no %.*s on the bus", name, (int) length,
                                    members);
        }

        return r;
}

#define COMPONENT_MEMBERS "org.devbox.Component1 Version StartedAt Healthy GetMetrics Restart"

static int check_collector(Selftest *test, char **ret_reason)
{
        return check_introspection(
                test, "Collector1",
                "org.devbox.Collector1 GetSystem GetUnits GetSnapshot UnitsChanged " COMPONENT_MEMBERS,
                ret_reason);
}

static int check_system(Selftest *test, char **ret_reason)
{
        _cleanup_(system_sample_done) SystemSample sample = { 0 };

        int r = collector_client_get_system(test->bus, &sample, ret_reason);
        if (r != 0)
                return r;

        if (!(sample.cpu_percent >= 0 && sample.cpu_percent <= 100))
                return differs(ret_reason, "CPU use is %.1f %%", sample.cpu_percent);
        if (sample.memory_total_bytes == 0)
                return differs(ret_reason, "the machine has no memory");
        if (sample.memory_available_bytes > sample.memory_total_bytes)
                return differs(ret_reason, "more memory is available than there is");
        if (sample.uptime_usec == 0)
                return differs(ret_reason, "the machine has not been up at all");
        if (sample.n_disks == 0)
                return differs(ret_reason, "no disk is configured");
        if (sample.disks[0].problem)
                return differs(ret_reason, "the first disk has no figures: %s", sample.disks[0].problem);
        if (sample.disks[0].total_bytes == 0)
                return differs(ret_reason, "the first disk has no size");

        return 0;
}

static int check_services(Selftest *test, char **ret_reason)
{
        _cleanup_(unit_samples_done) UnitSamples samples = { 0 };

        int r = collector_client_get_units(test->bus, &samples, ret_reason);
        if (r != 0)
                return r;

        if (samples.n_units != test->config->n_services)
                return differs(ret_reason, "%zu services are configured and %zu reported; run: " RELOAD,
                               test->config->n_services, samples.n_units);
        for (size_t i = 0; i < samples.n_units; i++)
                if (!streq(samples.units[i].name, test->config->services[i].name))
                        return differs(ret_reason, "service %zu is not the configured one; run: " RELOAD,
                                       i + 1);

        return 0;
}

/* Through the socket, which starts the API if it sleeps. */
static int check_http(Selftest *test, char **ret_reason)
{
        const char *path = getenv("DEVBOX_API_SOCKET");
        _cleanup_(freep) char *body = NULL;
        int status;

        path = path && *path ? path : API_SOCKET;

        int r = http_get_over_unix(path, "/health", &status, &body);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return differs(ret_reason,
                               "GET /health over %s: %s; see: systemctl status devbox-api.socket", path,
                               r == -EBADMSG ? "the answer is not HTTP" : strerror(-r));
        if (status != 200)
                return differs(ret_reason, "GET /health returns %d; see: journalctl -u devbox-api", status);
        if (!strstr(body, "\"status\":\"ok\""))
                return differs(ret_reason, "GET /health returns 200, but not \"status\":\"ok\"");

        return 0;
}

/* The API may answer HTTP a moment before it has its name on the bus: waits for that. */
static int wait_for_api(Selftest *test, char **ret_reason)
{
        usec_t deadline_usec = deadline_after(API_APPEARS_USEC), left_usec;
        ComponentProperties properties;
        int r;

        r = sd_bus_match_signal(test->bus, NULL, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                "org.freedesktop.DBus", "NameOwnerChanged", NULL, NULL);
        if (r < 0)
                return r;

        for (;;) {
                _cleanup_(freep) char *reason = NULL;

                r = component_client_get(test->bus, "Api1", &properties, &reason);
                left_usec = deadline_left(deadline_usec);
                if (r != DEVBOX_ERROR_NOT_FOUND || left_usec == 0) {
                        *ret_reason = TAKE_PTR(reason);
                        return r;
                }

                r = sd_bus_wait(test->bus, left_usec);
                while (r > 0)
                        r = sd_bus_process(test->bus, NULL);
                if (r < 0)
                        return r;
        }
}

static int check_api(Selftest *test, char **ret_reason)
{
        int r = wait_for_api(test, ret_reason);

        return r != 0 ? r : check_introspection(test, "Api1", COMPONENT_MEMBERS, ret_reason);
}

typedef enum CheckNeeds { NEEDS_BUS = 1 << 0, NEEDS_CONFIG = 1 << 1 } CheckNeeds;

static const struct Check {
        const char *name;
        CheckFunction run;
        CheckNeeds needs;
} checks[] = {
        { "config", check_config },
        { "bus", check_bus },
        { "collector", check_collector, NEEDS_BUS },
        { "system", check_system, NEEDS_BUS },
        { "services", check_services, NEEDS_BUS | NEEDS_CONFIG },
        { "http", check_http },
        { "api", check_api, NEEDS_BUS }, /* started by the request before it */
};

static int run_check(Selftest *test, const struct Check *check, char **ret_reason)
{
        if (check->needs & NEEDS_BUS && !test->bus)
                return differs(ret_reason, BUS_UNREACHABLE);
        if (check->needs & NEEDS_CONFIG && test->config_unreadable)
                return skip_check(ret_reason, CONFIG_UNREADABLE);
        if (check->needs & NEEDS_CONFIG && !test->config)
                return differs(ret_reason, CONFIG_INVALID);

        return check->run(test, ret_reason);
}

/* `r` is what the check returned. A skipped one is no failure. */
static int print_check(const Ctl *ctl, Json *json, const char *name, int r, const char *reason)
{
        bool passed = r == 0, skipped = r == CHECK_SKIPPED;
        const char *colon = passed ? "" : skipped ? ": skipped, " : ": ";

        if (ctl->json) {
                json_open_object(json, NULL);
                json_add_string(json, "name", name);
                json_add_bool(json, "ok", passed || skipped);
                json_add_bool(json, "skipped", skipped);
                json_add_string(json, "reason", reason);
                json_close_object(json);
                return 0;
        }

        if (printf("%sok %s%s%s\n", passed || skipped ? "" : "not ", name, colon, strempty(reason)) < 0)
                return -errno;

        return fflush(stdout) == 0 ? 0 : -errno; /* the journal shows how far it came */
}

static int run_checks(const Ctl *ctl, Selftest *test, Json *json, bool *ret_passed)
{
        bool passed = true;

        for (size_t i = 0; i < ELEMENTSOF(checks); i++) {
                _cleanup_(freep) char *reason = NULL;

                int r = run_check(test, &checks[i], &reason);
                if (r == -ENOMEM)
                        return r;

                passed = passed && (r == 0 || r == CHECK_SKIPPED);
                r = print_check(ctl, json, checks[i].name, r,
                                r == 0   ? NULL
                                : reason ? reason
                                         : strerror(-r));
                if (r < 0)
                        return r;
        }

        *ret_passed = passed;
        return 0;
}

static int run(Ctl *ctl, const void *options, char **args)
{
        _cleanup_(json_done) Json json = JSON_NULL;
        Selftest test = { 0 };
        bool passed = false;

        json_open_object(&json, NULL);
        json_open_array(&json, "checks");
        int r = run_checks(ctl, &test, &json, &passed);
        json_close_array(&json);
        json_add_bool(&json, "passed", passed);
        json_close_object(&json);

        (void) sd_bus_flush_close_unref(test.bus);
        (void) config_free(test.config);

        if (r >= 0 && ctl->json)
                r = print_json(&json);

        ctl->status = passed ? CTL_OK : CTL_PROBLEM;
        return r;
}

const Verb verb_selftest = {
        .name = "selftest",
        .help = "call every interface of devbox once and compare the answers",
        .statuses = "failure, or a check failed",
        .run = run,
};
