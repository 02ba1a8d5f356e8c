/* SPDX-License-Identifier: MIT */
/* devboxctl approve: the decision of whoever runs it, who must be an approver of the device's manifest. */

#include "ctl/run/decide.h"
#include "ctl/verbs.h"

static int run(Ctl *ctl, const void *options, char **args)
{
        return decide(ctl, "Approve", args[0], "approved");
}

const Verb verb_approve = {
        .name = "approve",
        .arguments = "ID",
        .help = "approve a request",
        .example = "approve 7KQ2PD",
        .remote = true,
        .run = run,
};
