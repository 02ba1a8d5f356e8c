/* SPDX-License-Identifier: MIT */
/* devboxctl device reload: lets the ledger read its configuration and the ceiling again. */

#include "bus/systemd1.h"
#include "ctl/problem.h"
#include "ctl/status/client.h"
#include "ctl/verbs.h"

static int run(Ctl *ctl, const void *options, char **args)
{
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

        int r = client_open(&bus, &ctl->problem);
        if (r != 0)
                return r;

        /* A ledger that does not run reads them when it starts. */
        r = sd_bus_call_method(bus, SYSTEMD1_NAME, SYSTEMD1_PATH, SYSTEMD1_MANAGER, "ReloadOrTryRestartUnit",
                               &error, NULL, "ss", "devbox-ledger.service", "replace");
        if (r == -ENOMEM)
                return r;
        return r < 0 ? problem_set(&ctl->problem, DEVBOX_ERROR_SYSTEMD_UNAVAILABLE,
                                   "systemd does not reload devbox-ledger: %s",
                                   error.message ? error.message : strerror(-r))
                     : 0;
}

const Verb verb_device_reload = {
        .noun = "device",
        .name = "reload",
        .help = "let this machine read its configuration and ceiling again",
        .example = "device reload",
        .run = run,
};
