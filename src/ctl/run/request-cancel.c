/* SPDX-License-Identifier: MIT */
/* devboxctl request cancel: ends a request, also where it runs. */

#include "ctl/run/decide.h"
#include "ctl/verbs.h"

static int run(Ctl *ctl, const void *options, char **args)
{
        return decide(ctl, "Cancel", args[0], "cancelled");
}

const Verb verb_request_cancel = {
        .noun = "request",
        .name = "cancel",
        .arguments = "ID",
        .help = "end a request, also where it runs",
        .example = "request cancel 7KQ2PD",
        .remote = true,
        .bus = true,
        .run = run,
};
