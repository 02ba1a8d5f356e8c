/* SPDX-License-Identifier: MIT */
/* devboxctl drift: what was changed by hand and put right again. */

#include "ctl/mesh/peer-print.h"
#include "ctl/verbs.h"

static int print_document(const ClientRows *rows)
{
        _cleanup_(json_done) Json json = JSON_NULL;
        const MeshDrift *drift = rows->items;

        json_open_object(&json, NULL);
        json_open_array(&json, "drift");
        for (size_t i = 0; i < rows->n; i++) {
                json_open_object(&json, NULL);
                json_add_time(&json, "time", drift[i].time_ms * USEC_PER_MSEC);
                json_add_string(&json, "kind", drift[i].kind);
                json_add_string(&json, "peer", drift[i].peer);
                json_add_string(&json, "detail", drift[i].detail);
                json_close_object(&json);
        }
        json_close_array(&json);
        json_close_object(&json);
        return print_json(&json);
}

static int print_table(const Ctl *ctl, const ClientRows *rows)
{
        _cleanup_(table_done) Table table = { .n_columns = 4 };
        const MeshDrift *drift = rows->items;
        char moment[FIGURE_MAX];

        if (rows->n == 0)
                return print_line(stdout, "no drift");

        for (size_t i = 0; i < rows->n; i++) {
                table_add(&table, STYLE_FAINT, "%s", format_moment(moment, drift[i].time_ms));
                table_add(&table, STYLE_BAD, "%s", drift[i].kind);
                table_add(&table, STYLE_HEAD, "%s", *strempty(drift[i].peer) ? drift[i].peer : "-");
                table_add(&table, STYLE_PLAIN, "%s", strempty(drift[i].detail));
        }
        return table_print(&table, stdout, ctl->colour);
}

static int run(Ctl *ctl, const void *options, char **args)
{
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        _cleanup_(client_rows_done) ClientRows rows = { 0 };

        int r = client_open(ctl->host, &bus, &ctl->problem);
        if (r == 0)
                r = mesh_client_get_drift(bus, &rows, &ctl->problem);
        if (r != 0)
                return r;

        return ctl->json ? print_document(&rows) : print_table(ctl, &rows);
}

const Verb verb_drift = {
        .name = "drift",
        .help = "show what was changed by hand in the mesh and repaired",
        .example = "drift",
        .remote = true,
        .run = run,
};
