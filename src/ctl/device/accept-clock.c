/* SPDX-License-Identifier: MIT */
/* devboxctl device accept-clock: the clock is right, although this machine has acted at later times. */

#include <stdio.h>

#include "ctl/client.h"
#include "ctl/device/ledger-client.h"
#include "ctl/verbs.h"

static int run(Ctl *ctl, const void *options, char **args)
{
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;

        int r = client_open(ctl->host, &bus, &ctl->problem);
        if (r == 0)
                r = ledger_client_accept_clock(bus, &ctl->problem);
        if (r != 0)
                return r;

        return ctl->json && puts("{\"accepted\":true}") < 0 ? -errno : 0;
}

const Verb verb_device_accept_clock = {
        .noun = "device",
        .name = "accept-clock",
        .help = "confirm the clock after it was set back",
        .example = "device accept-clock",
        .remote = true,
        .run = run,
};
