/* SPDX-License-Identifier: MIT */
#pragma once

/* The requests that run now, and the key by which the worker of each authenticates its end. In memory only:
 * a ledger that starts again does not know their ends, and records that. */

#include <sys/queue.h>

#include "crypto/secret.h"
#include "crypto/sha256.h"

#define RUNS_MAX 64

typedef struct Run Run;

typedef struct Runs {
        LIST_HEAD(, Run) list;
        size_t n;
} Runs;

/* Takes the key, also after an error. Errors: DEVBOX_ERROR_BUSY there are RUNS_MAX; -ENOMEM. */
int runs_add_take(Runs *runs, const Sha256 *request, Secret *end_key);
void runs_remove(Runs *runs, const Sha256 *request);
void runs_done(Runs *runs);

/* Borrowed; NULL: it does not run. */
const Secret *runs_find_key(const Runs *runs, const Sha256 *request);
