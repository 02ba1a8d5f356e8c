/* SPDX-License-Identifier: MIT */
/* devboxctl device reload: makes the ledger read its configuration and the ceiling again, and waits for it.
 */

#include <stdio.h>

#include "basic/time.h"
#include "bus/systemd1.h"
#include "ctl/client.h"
#include "ctl/problem.h"
#include "ctl/verbs.h"

#define LEDGER_UNIT  "devbox-ledger.service"
#define TIMEOUT_USEC (90 * USEC_PER_SEC) /* of systemd for a reload, by default */

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
        usec_t deadline_usec = deadline_after(TIMEOUT_USEC);

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

/* A ledger that does not run reads its files when it starts. */
static int reload(sd_bus *bus, Job *job, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;

        int r = sd_bus_match_signal(bus, NULL, SYSTEMD1_NAME, SYSTEMD1_PATH, SYSTEMD1_MANAGER, "JobRemoved",
                                    on_job_removed, job);
        if (r >= 0)
                r = sd_bus_call_method(bus, SYSTEMD1_NAME, SYSTEMD1_PATH, SYSTEMD1_MANAGER, "Subscribe",
                                       error, NULL, NULL);
        if (r >= 0)
                r = sd_bus_call_method(bus, SYSTEMD1_NAME, SYSTEMD1_PATH, SYSTEMD1_MANAGER,
                                       "ReloadOrTryRestartUnit", error, &reply, "ss", LEDGER_UNIT,
                                       "replace");
        if (r >= 0)
                r = sd_bus_message_read(reply, "o", &job->path);
        return r < 0 ? r : wait_for_job(bus, job);
}

static int run(Ctl *ctl, const void *options, char **args)
{
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        Job job = { 0 };

        int r = client_open(ctl->host, &bus, &ctl->problem);
        if (r != 0)
                return r;

        r = reload(bus, &job, &error);
        if (r == -ENOMEM)
                return r;
        if (r == -EACCES || r == -EPERM ||
            sd_bus_error_has_name(&error, SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED))
                return problem_set(&ctl->problem, DEVBOX_ERROR_ACCESS_DENIED,
                                   "only root may do this; run it with sudo");
        if (r < 0)
                return problem_set(&ctl->problem, DEVBOX_ERROR_SYSTEMD_UNAVAILABLE,
                                   "systemd does not reload devbox-ledger: %s",
                                   error.message ? error.message : strerror(-r));

        return streq(job.result, "done")
                       ? 0
                       : problem_set(&ctl->problem, DEVBOX_ERROR_SYSTEMD_UNAVAILABLE,
                                     "the reload of devbox-ledger ended with '%s'; see: journalctl -u "
                                     "devbox-ledger",
                                     job.result);
}

const Verb verb_device_reload = {
        .noun = "device",
        .name = "reload",
        .help = "let this machine read its configuration and ceiling again",
        .example = "device reload",
        .remote = true,
        .run = run,
};
