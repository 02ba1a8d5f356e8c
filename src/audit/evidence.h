/* SPDX-License-Identifier: MIT */
#pragma once

/* The signed things behind the entries. The chain names each by its digest only; who verifies it later can
 * judge again, from these, what this device accepted. */

#include "store/database.h"
#include "trust/envelope.h"

typedef struct Evidence {
        Statement *insert, *find;
} Evidence;

int evidence_init(Evidence *evidence, Database *database);
void evidence_done(Evidence *evidence);

/* 1: it is kept; 0: it is not. Errors: those of a database. */
int evidence_exists(const Evidence *evidence, const Sha256 *digest);

/* Within the transaction of the entry that names it. Errors: -ENOMEM, those of a database. */
int evidence_keep(const Evidence *evidence, const Envelope *envelope);
