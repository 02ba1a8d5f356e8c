/* SPDX-License-Identifier: MIT */
/* devboxctl requests: what was asked of the devices, the newest first. */

#include "ctl/option-types.h"
#include "ctl/run/request-print.h"
#include "ctl/verbs.h"

typedef struct RequestsOptions {
        bool open;
        uint64_t lines;
} RequestsOptions;

static int run(Ctl *ctl, const void *options, char **args)
{
        _cleanup_(client_rows_done) ClientRows rows = { 0 };
        const RequestsOptions *given = options;

        int r = requests_client_list(ctl->bus, given->open, (uint32_t) MIN(given->lines, 1000), &rows,
                                     &ctl->problem);

        return r != 0 ? r : print_requests(ctl, &rows, false);
}

static const Option options[] = {
        { "open", &option_switch, offsetof(RequestsOptions, open), "only those that have not ended" },
        { "lines", &option_number, offsetof(RequestsOptions, lines), "how many (20)", 'n' },
        { 0 },
};

const Verb verb_requests = {
        .name = "requests",
        .help = "show what was asked of the devices",
        VERB_OPTIONS(RequestsOptions, options),
        .defaults = &(const RequestsOptions){ .lines = 20 },
        .remote = true,
        .bus = true,
        .run = run,
};
