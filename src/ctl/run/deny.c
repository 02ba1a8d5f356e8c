/* SPDX-License-Identifier: MIT */
/* devboxctl deny: the decision of whoever runs it, who must be an approver of the device's manifest. */

#include "ctl/run/decide.h"
#include "ctl/verbs.h"

static int run(Ctl *ctl, const void *options, char **args)
{
        return decide(ctl, "Deny", args[0], "denied");
}

const Verb verb_deny = {
        .name = "deny",
        .arguments = "ID",
        .help = "deny a request for good",
        .example = "deny 7KQ2PD",
        .remote = true,
        .bus = true,
        .run = run,
};
