/* SPDX-License-Identifier: MIT */
/* devboxctl matrix status: the hub's Matrix account, and whether it can be talked to. */

#include "ctl/matrix/status-print.h"
#include "ctl/verbs.h"

static int run(Ctl *ctl, const void *options, char **args)
{
        _cleanup_(client_rows_done) ClientRows row = { 0 };

        int r = client_query(ctl->bus, &matrix_get_status, &row, &ctl->problem);

        return r != 0 ? r : matrix_print_status(ctl, row.items);
}

const Verb verb_matrix_status = {
        .noun = "matrix",
        .name = "status",
        .help = "show the Matrix account of this hub",
        .statuses = "failure, or the account cannot be used",
        .remote = true,
        .bus = true,
        .run = run,
};
