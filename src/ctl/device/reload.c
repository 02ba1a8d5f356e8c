/* SPDX-License-Identifier: MIT */
/* devboxctl device reload: makes the ledger read its configuration and the ceiling again. It calls the
 * ledger rather than systemd, whose job is done once it has sent a signal, whatever the ledger then finds.
 * If they are valid, it reloads systemd, too, for the sandboxes that devbox-generator makes of the ceiling.
 */

#include <stdio.h>

#include "ctl/device/ledger-client.h"
#include "ctl/systemd-client.h"
#include "ctl/verbs.h"

static int run(Ctl *ctl, const void *options, char **args)
{
        int r = ledger_client_reload(ctl->bus, &ctl->problem);
        if (r == 0)
                r = systemd_client_reload(ctl->bus, &ctl->problem);
        if (r != 0)
                return r;

        return ctl->json && puts("{\"reloaded\":true}") < 0 ? -errno : 0;
}

const Verb verb_device_reload = {
        .noun = "device",
        .name = "reload",
        .help = "let the ledger and the sandboxes follow configuration and ceiling again",
        .remote = true,
        .bus = true,
        .run = run,
};
