/* SPDX-License-Identifier: MIT */
/* devboxctl drift: what was changed by hand and put right again. */

#include "ctl/listing.h"
#include "ctl/mesh/peer-print.h"
#include "ctl/verbs.h"

static void add_document(Json *json, const void *item)
{
        const MeshDrift *drift = item;

        json_open_object(json, NULL);
        json_add_time(json, "time", drift->time_ms * USEC_PER_MSEC);
        json_add_string(json, "kind", drift->kind);
        json_add_string(json, "peer", drift->peer);
        json_add_string(json, "detail", drift->detail);
        json_close_object(json);
}

static void add_row(const Ctl *ctl, Table *table, const void *item)
{
        const MeshDrift *drift = item;
        char moment[FIGURE_MAX];

        table_add(table, STYLE_FAINT, "%s", format_moment(moment, drift->time_ms));
        table_add(table, STYLE_BAD, "%s", drift->kind);
        table_add(table, STYLE_HEAD, "%s", *strempty(drift->peer) ? drift->peer : "-");
        table_add(table, STYLE_PLAIN, "%s", strempty(drift->detail));
}

static const Listing listing = {
        .name = "drift",
        .empty = "no drift",
        .n_columns = 4,
        .item_size = sizeof(MeshDrift),
        .add_document = add_document,
        .add_row = add_row,
};

static int run(Ctl *ctl, const void *options, char **args)
{
        _cleanup_(client_rows_done) ClientRows rows = { 0 };

        int r = client_query(ctl->bus, &mesh_get_drift, &rows, &ctl->problem);

        return r != 0 ? r : listing_print(ctl, &listing, rows.items, rows.n);
}

const Verb verb_drift = {
        .name = "drift",
        .help = "show what was changed by hand in the mesh and repaired",
        .remote = true,
        .bus = true,
        .run = run,
};
