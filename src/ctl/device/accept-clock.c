/* SPDX-License-Identifier: MIT */
/* devboxctl device accept-clock: the clock is right, although this machine has acted at later times. */

#include <stdio.h>

#include "ctl/device/ledger-client.h"
#include "ctl/verbs.h"

static int run(Ctl *ctl, const void *options, char **args)
{
        int r = ledger_client_accept_clock(ctl->bus, &ctl->problem);
        if (r != 0)
                return r;

        return ctl->json && puts("{\"accepted\":true}") < 0 ? -errno : 0;
}

const Verb verb_device_accept_clock = {
        .noun = "device",
        .name = "accept-clock",
        .help = "confirm the clock after it was set back",
        .remote = true,
        .bus = true,
        .run = run,
};
