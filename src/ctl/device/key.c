/* SPDX-License-Identifier: MIT */
/* devboxctl device key: the public key of this machine, for the manifest that names it. */

#include "ctl/device/ledger-client.h"
#include "ctl/operator/key-print.h"
#include "ctl/verbs.h"

static int run(Ctl *ctl, const void *options, char **args)
{
        _cleanup_(device_status_done) DeviceStatus status = DEVICE_STATUS_NULL;

        int r = ledger_client_get_status(ctl->bus, &status, &ctl->problem);

        return r != 0 ? r : operator_print_key(ctl, &status.key);
}

const Verb verb_device_key = {
        .noun = "device",
        .name = "key",
        .help = "print this machine's public key",
        .remote = true,
        .bus = true,
        .run = run,
};
