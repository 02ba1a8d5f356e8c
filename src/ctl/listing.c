/* SPDX-License-Identifier: MIT */
/* Rows of one kind, for a person or for a program. */

#include "ctl/listing.h"

static const void *item_at(const Listing *listing, const void *items, size_t i)
{
        return (const char *) items + i * listing->item_size;
}

static int print_document(const Listing *listing, const void *items, size_t n)
{
        _cleanup_(json_done) Json json = JSON_NULL;

        json_open_object(&json, NULL);
        json_open_array(&json, listing->name);
        for (size_t i = 0; i < n; i++)
                listing->add_document(&json, item_at(listing, items, i));
        json_close_array(&json);
        json_close_object(&json);
        return print_json(&json);
}

int listing_print(const Ctl *ctl, const Listing *listing, const void *items, size_t n)
{
        _cleanup_(table_done) Table table = { .n_columns = listing->n_columns };

        if (ctl->json)
                return print_document(listing, items, n);
        if (n == 0)
                return print_line(stdout, "%s", listing->empty);

        for (size_t i = 0; listing->titles && i < listing->n_columns; i++)
                table_add(&table, STYLE_FAINT, "%s", listing->titles[i]);
        for (size_t i = 0; i < n; i++)
                listing->add_row(ctl, &table, item_at(listing, items, i));
        return table_print(&table, stdout, ctl->colour);
}
