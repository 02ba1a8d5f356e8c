/* SPDX-License-Identifier: MIT */
#pragma once

/* The roots of the network, as the hub keeps them for devices: each after the one before. */

#include "store/query.h"
#include "trust/root.h"

typedef struct Roots {
        Root *current; /* NULL: none yet */
        Sha256 sha256; /* of the current one */
        Sha256 first_sha256;
} Roots;

#define ROOTS_NULL ((Roots){ 0 })

void roots_done(Roots *roots);

/* Unchanged on failure. Errors: those of a database; -EBADMSG a row is no root. */
int roots_load(Database *database, Roots *roots);

/* Stores the first or the next root, which must be of that network. The current one again changes nothing.
 * Errors: those of root_accept_first() and root_accept_next(); DEVBOX_ERROR_BAD_ENVELOPE; those of a
 * database. */
int roots_store(Database *database, const Roots *roots, const char *network, const char *envelope);
