/* SPDX-License-Identifier: MIT */
/* devboxctl doctor: what is wrong with this machine in the network, and the cure of each. */

#include "ctl/mesh/checks.h"
#include "ctl/print.h"
#include "ctl/verbs.h"

static void add_document(Json *json, const Check *check, const Finding *finding)
{
        json_open_object(json, NULL);
        json_add_string(json, "check", check->name);
        json_add_string(json, "state", finding_state_names[finding->state]);
        json_add_string(json, "text", finding->text);
        json_add_string(json, "cure", *finding->cure ? finding->cure : NULL);
        json_close_object(json);
}

static void add_row(Table *table, const Check *check, const Finding *finding)
{
        static const Style styles[_FINDING_STATE_MAX] = { STYLE_GOOD, STYLE_PLAIN, STYLE_BAD };

        table_add(table, styles[finding->state], "%s", finding_state_names[finding->state]);
        table_add(table, STYLE_HEAD, "%s", check->name);
        table_add(table, STYLE_PLAIN, "%s%s%s", finding->text, *finding->cure ? "; " : "", finding->cure);
}

static int run_checks(Ctl *ctl, const CheckContext *context)
{
        _cleanup_(table_done) Table table = { .n_columns = 3 };
        _cleanup_(json_done) Json json = JSON_NULL;

        json_open_object(&json, NULL);
        json_open_array(&json, "checks");
        for (size_t i = 0; i < n_checks; i++) {
                Finding finding = { 0 };

                if (checks[i].needs_local && !context->local)
                        continue;
                int r = checks[i].run(context, &finding);
                if (r < 0)
                        return r;
                if (finding.state == FINDING_BAD)
                        ctl->status = CTL_PROBLEM;
                add_document(&json, &checks[i], &finding);
                add_row(&table, &checks[i], &finding);
        }
        json_close_array(&json);
        json_close_object(&json);
        return ctl->json ? print_json(&json) : table_print(&table, stdout, ctl->colour);
}

static int run(Ctl *ctl, const void *options, char **args)
{
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        _cleanup_(mesh_status_done) MeshStatus mesh = { 0 };
        _cleanup_(client_rows_done) ClientRows peers = { 0 };

        int r = client_open(ctl->host, &bus, &ctl->problem);
        if (r == 0)
                r = mesh_client_get_status(bus, &mesh, &ctl->problem);
        if (r == 0)
                r = mesh_client_list_peers(bus, false, &peers, &ctl->problem);
        if (r != 0)
                return r;

        return run_checks(ctl, &(CheckContext){ bus, &mesh, &peers, ctl->now_ms, ctl->host == NULL });
}

const Verb verb_doctor = {
        .name = "doctor",
        .help = "find what is wrong with this machine in the network",
        .example = "doctor",
        .statuses = "failure, or something is bad",
        .remote = true,
        .run = run,
};
