/* SPDX-License-Identifier: MIT */
/* devboxctl approvals: the requests that wait for people. */

#include "ctl/run/request-print.h"
#include "ctl/verbs.h"

static int run(Ctl *ctl, const void *options, char **args)
{
        _cleanup_(client_rows_done) ClientRows rows = { 0 };

        int r = client_query(ctl->bus, &dispatch_list_approvals, &rows, &ctl->problem);
        return r != 0 ? r : print_requests(ctl, &rows, true);
}

const Verb verb_approvals = {
        .name = "approvals",
        .help = "show the requests that wait for an approval",
        .remote = true,
        .bus = true,
        .run = run,
};
