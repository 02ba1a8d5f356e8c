/* SPDX-License-Identifier: MIT */
/* devboxctl health: whether devbox itself works, in one word and for scripts. */

#include <unistd.h>

#include "config/load.h"
#include "ctl/print.h"
#include "ctl/status/service-status.h"
#include "ctl/verbs.h"

/* A configuration that this user may not read is not checked. */
static int check_config(char **ret_problem)
{
        _cleanup_(config_freep) Config *config = NULL;

        if (access(config_path(), R_OK) < 0 && errno == EACCES)
                return 0;

        return config_load(config_path(), &config, ret_problem);
}

static bool is_well(const ServiceStatus *status, const char *config_problem)
{
        return !config_problem && service_status_is_well(status);
}

static int print_document(const ServiceStatus *status, const char *config_problem)
{
        _cleanup_(json_done) Json json = JSON_NULL;

        json_open_object(&json, NULL);
        json_add_string(&json, "status", is_well(status, config_problem) ? "ok" : "degraded");
        json_add_string(&json, "service", "devbox");
        json_add_string(&json, "version", DEVBOX_VERSION);
        json_add_string(&json, "config_problem", config_problem);
        service_status_add_json(&json, "components", status);
        json_close_object(&json);
        return print_json(&json);
}

static int print_lines(const Ctl *ctl, const ServiceStatus *status, const char *config_problem)
{
        _cleanup_(table_done) Table table = { .n_columns = 3 };

        if (is_well(status, config_problem)) {
                table_add(&table, STYLE_GOOD, "ok");
                table_add(&table, STYLE_PLAIN, "devbox " DEVBOX_VERSION);
                table_add(&table, STYLE_PLAIN, "%s", "");
        }

        if (config_problem) {
                table_add(&table, STYLE_HEAD, "config");
                table_add(&table, STYLE_BAD, "invalid");
                table_add(&table, STYLE_PLAIN, "%s", config_problem);
        }
        for (int i = 0; i < _COMPONENT_MAX; i++) {
                const ComponentStatus *component = &status->components[i];
                const char *problem = component_status_problem(component);

                if (problem && component->expected) {
                        table_add(&table, STYLE_HEAD, "%s", component->name);
                        table_add(&table, STYLE_BAD, "%s", component_state_to_string(component->state));
                        table_add(&table, STYLE_PLAIN, "%s", problem);
                }
        }

        return table_print(&table, stdout, ctl->colour);
}

static int run(Ctl *ctl, const void *options, char **args)
{
        _cleanup_(service_status_done) ServiceStatus status = { 0 };
        _cleanup_(freep) char *config_problem = NULL;

        int r = service_status_get(ctl->bus, &status, &ctl->problem);
        if (r != 0)
                return r;

        r = check_config(&config_problem);
        if (r < 0)
                return r;

        ctl->status = is_well(&status, config_problem) ? CTL_OK : CTL_PROBLEM;
        return ctl->json ? print_document(&status, config_problem)
                         : print_lines(ctl, &status, config_problem);
}

const Verb verb_health = {
        .name = "health",
        .help = "show whether devbox itself works",
        .statuses = "failure, or a component or the configuration is not as it should be",
        .bus = true,
        .run = run,
};
