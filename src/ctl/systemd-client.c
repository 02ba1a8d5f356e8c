/* SPDX-License-Identifier: MIT */
/* Calls of org.freedesktop.systemd1. */

#include "ctl/systemd-client.h"

#include <stdio.h>

#include "basic/time.h"
#include "bus/systemd1.h"
#include "ctl/problem.h"

#define JOB_USEC (120 * USEC_PER_SEC) /* more than systemd gives a service to start, 90 s */

/* By name: sd-bus makes EACCES of any "Failed", too. */
static int set_problem(int r, const sd_bus_error *error, const char *what, char **ret_problem)
{
        if (r == -ENOMEM)
                return r;
        if (sd_bus_error_has_names(error, SD_BUS_ERROR_ACCESS_DENIED,
                                   SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED))
                return problem_set(ret_problem, DEVBOX_ERROR_ACCESS_DENIED,
                                   "only root may do this (%s); run it with sudo, or with -H root@HOST",
                                   what);

        return problem_set(ret_problem, DEVBOX_ERROR_SYSTEMD_UNAVAILABLE, "systemd rejects %s: %s", what,
                           error->message ? error->message : strerror(-r));
}

static int new_call(sd_bus *bus, const char *member, sd_bus_message **ret_call)
{
        int r = sd_bus_message_new_method_call(bus, ret_call, SYSTEMD1_NAME, SYSTEMD1_PATH, SYSTEMD1_MANAGER,
                                               member);

        return r < 0 ? r : sd_bus_message_set_allow_interactive_authorization(*ret_call, true);
}

static int send(int r, sd_bus_message *call, const char *what, sd_bus_message **ret_reply,
                char **ret_problem)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

        if (r < 0)
                return r;

        r = sd_bus_call(sd_bus_message_get_bus(call), call, JOB_USEC, &error, ret_reply);
        return r < 0 ? set_problem(r, &error, what, ret_problem) : 0;
}

int systemd_client_reload(sd_bus *bus, char **ret_problem)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;

        int r = new_call(bus, "Reload", &call);
        return send(r, call, "Reload", &reply, ret_problem);
}

/* ---- jobs */

typedef struct Job {
        const char *path;
        char result[32]; /* empty: not finished */
} Job;

static int on_job_removed(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        const char *path, *unit, *result;
        Job *job = userdata;
        uint32_t id;

        int r = sd_bus_message_read(message, "uoss", &id, &path, &unit, &result);
        if (r >= 0 && streq(path, job->path))
                (void) snprintf(job->result, sizeof job->result, "%s", result);
        return 0;
}

/* Signals that arrive before `job->path` is known are queued by sd-bus until this processes them. */
static int wait_for_job(sd_bus *bus, const Job *job)
{
        usec_t deadline_usec = deadline_after(JOB_USEC);

        while (job->result[0] == '\0') {
                usec_t left_usec = deadline_left(deadline_usec);

                int r = sd_bus_process(bus, NULL);
                if (r == 0 && left_usec == 0)
                        r = -ETIMEDOUT;
                if (r == 0)
                        r = sd_bus_wait(bus, left_usec);
                if (r < 0)
                        return r;
        }

        return 0;
}

/* "StartUnit", "StopUnit" or "RestartUnit". */
static int run_job(sd_bus *bus, const char *member, const char *unit, char **ret_problem)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        _cleanup_(sd_bus_slot_unrefp) sd_bus_slot *slot = NULL;
        Job job = { 0 };
        char what[320];

        (void) snprintf(what, sizeof what, "%s of %s", member, unit);
        int r = sd_bus_match_signal(bus, &slot, SYSTEMD1_NAME, SYSTEMD1_PATH, SYSTEMD1_MANAGER, "JobRemoved",
                                    on_job_removed, &job);
        if (r >= 0)
                r = sd_bus_call_method(bus, SYSTEMD1_NAME, SYSTEMD1_PATH, SYSTEMD1_MANAGER, "Subscribe",
                                       NULL, NULL, NULL);
        if (r >= 0)
                r = new_call(bus, member, &call);
        if (r >= 0)
                r = sd_bus_message_append(call, "ss", unit, "replace");
        r = send(r, call, what, &reply, ret_problem);
        if (r != 0)
                return r;

        r = sd_bus_message_read(reply, "o", &job.path);
        if (r >= 0)
                r = wait_for_job(bus, &job);
        if (r < 0)
                return r;

        return streq(job.result, "done")
                       ? 0
                       : problem_set(ret_problem, DEVBOX_ERROR_SYSTEMD_UNAVAILABLE,
                                     "%s ended with '%s'; see: systemctl status %s", what, job.result, unit);
}

int systemd_client_restart(sd_bus *bus, const char *unit, char **ret_problem)
{
        return run_job(bus, "RestartUnit", unit, ret_problem);
}

/* ---- unit files */

int systemd_client_enable(sd_bus *bus, const char *unit, char **ret_problem)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;

        int r = new_call(bus, "EnableUnitFiles", &call);
        if (r >= 0)
                r = sd_bus_message_append(call, "asbb", 1, unit, (int) false, (int) false);
        r = send(r, call, "EnableUnitFiles", &reply, ret_problem);

        return r != 0 ? r : run_job(bus, "StartUnit", unit, ret_problem);
}

int systemd_client_disable(sd_bus *bus, const char *unit, char **ret_problem)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;

        int r = new_call(bus, "DisableUnitFiles", &call);
        if (r >= 0)
                r = sd_bus_message_append(call, "asb", 1, unit, (int) false);
        r = send(r, call, "DisableUnitFiles", &reply, ret_problem);

        return r != 0 ? r : run_job(bus, "StopUnit", unit, ret_problem);
}

int systemd_client_stop(sd_bus *bus, const char *unit, char **ret_problem)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;

        int r = new_call(bus, "StopUnit", &call);
        if (r >= 0)
                r = sd_bus_message_append(call, "ss", unit, "replace");
        return send(r, call, "StopUnit", &reply, ret_problem);
}

int systemd_client_get_state(sd_bus *bus, const char *unit, char **ret_state, char **ret_problem)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(freep) char *path = NULL;

        int r = systemd1_unit_path(unit, &path);
        if (r < 0)
                return r;

        r = sd_bus_get_property_string(bus, SYSTEMD1_NAME, path, SYSTEMD1_UNIT, "ActiveState", &error,
                                       ret_state);
        return r < 0 ? set_problem(r, &error, "ActiveState", ret_problem) : 0;
}
