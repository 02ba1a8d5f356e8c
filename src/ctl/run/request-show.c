/* SPDX-License-Identifier: MIT */
/* devboxctl request show: who asked for what, and what became of it. */

#include "ctl/run/request-print.h"
#include "ctl/verbs.h"

static int print_document(const RequestRow *row)
{
        _cleanup_(json_done) Json json = JSON_NULL;

        request_add_json(&json, row);
        return print_json(&json);
}

static int print_rows(const Ctl *ctl, const RequestRow *row)
{
        _cleanup_(table_done) Table table = { .n_columns = 2 };
        char text[FIGURE_MAX];
        const struct {
                const char *label, *value;
        } rows[] = {
                { "Request", row->id },
                { "Device", row->device },
                { "Capability", row->capability },
                { "What", request_what(row) },
                { "Arguments", row->arguments },
                { "Who", row->principal },
                { "State", format_request_state(text, row) },
                { "Approval", row->tier },
                { "Reason", row->reason },
                { "", row->message },
                { "Signed", row->request },
                { "Result", row->result },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (rows[i].value)
                        table_add_fact(&table, rows[i].label, STYLE_PLAIN, "%s", rows[i].value);
        return table_print(&table, stdout, ctl->colour);
}

static int run(Ctl *ctl, const void *options, char **args)
{
        _cleanup_(client_rows_done) ClientRows row = { 0 };

        int r = requests_client_get(ctl->bus, args[0], &row, &ctl->problem);
        if (r != 0)
                return r;

        return ctl->json ? print_document(row.items) : print_rows(ctl, row.items);
}

const Verb verb_request_show = {
        .noun = "request",
        .name = "show",
        .arguments = "ID",
        .help = "show who asked for what, and what became of it",
        .example = "request show 7KQ2PD",
        .remote = true,
        .bus = true,
        .run = run,
};
