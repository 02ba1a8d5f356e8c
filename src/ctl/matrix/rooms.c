/* SPDX-License-Identifier: MIT */
/* devboxctl matrix rooms: the rooms of the hub, and which device is talked to in which. */

#include "ctl/listing.h"
#include "ctl/matrix/matrix-client.h"
#include "ctl/verbs.h"

static void add_document(Json *json, const void *item)
{
        const MatrixRoom *room = item;

        json_open_object(json, NULL);
        json_add_string(json, "kind", room->kind);
        json_add_string(json, "device", room->device);
        json_add_string(json, "room_id", room->room_id);
        json_add_string(json, "alias", room->alias);
        json_add_string(json, "state", room->state);
        json_add_string(json, "error", room->error);
        json_close_object(json);
}

static void add_row(const Ctl *ctl, Table *table, const void *item)
{
        const MatrixRoom *room = item;
        Style style = streq(room->state, "made") ? STYLE_GOOD : STYLE_BAD;

        table_add(table, STYLE_HEAD, "#%s", strempty(room->alias));
        table_add(table, STYLE_PLAIN, "%s", room->kind);
        table_add(table, STYLE_PLAIN, "%s", *strempty(room->device) ? room->device : "-");
        table_add(table, style, "%s", room->state);
        table_add(table, STYLE_PLAIN, "%s",
                  *strempty(room->error)     ? room->error
                  : *strempty(room->room_id) ? room->room_id
                                             : "-");
}

static const char *const titles[] = { "ROOM", "KIND", "DEVICE", "STATE", "ID" };

static const Listing listing = {
        .name = "rooms",
        .empty = "no rooms yet: they are made for the people of manifests; see: devboxctl person add, "
                 "devboxctl manifest publish --all",
        .titles = titles,
        .n_columns = ELEMENTSOF(titles),
        .item_size = sizeof(MatrixRoom),
        .add_document = add_document,
        .add_row = add_row,
};

static int run(Ctl *ctl, const void *options, char **args)
{
        _cleanup_(client_rows_done) ClientRows rows = { 0 };

        int r = client_query(ctl->bus, &matrix_list_rooms, &rows, &ctl->problem);

        return r != 0 ? r : listing_print(ctl, &listing, rows.items, rows.n);
}

const Verb verb_matrix_rooms = {
        .noun = "matrix",
        .name = "rooms",
        .help = "show the Matrix rooms of this hub",
        .remote = true,
        .bus = true,
        .run = run,
};
