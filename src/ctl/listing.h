/* SPDX-License-Identifier: MIT */
#pragma once

/* Rows of one kind: a table for a person, {"NAME":[…]} with --json. */

#include "ctl/print.h"

typedef struct Listing {
        const char *name;          /* of the array */
        const char *empty;         /* what a person reads when there is no row */
        const char *const *titles; /* of the columns; NULL: they need none */
        size_t n_columns, item_size;
        void (*add_document)(Json *json, const void *item);
        void (*add_row)(const Ctl *ctl, Table *table, const void *item);
} Listing;

/* Errors: -ENOMEM, of writing. */
int listing_print(const Ctl *ctl, const Listing *listing, const void *items, size_t n);
