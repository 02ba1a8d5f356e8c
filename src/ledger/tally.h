/* SPDX-License-Identifier: MIT */
#pragma once

/* Refusals that are only counted: those of what could not be believed at all, so that nobody without a key
 * can fill the chain, and those beyond what one minute may log. One entry per reason tells how many. */

#include "audit/chain.h"
#include "proto/error.h"

typedef struct Tally {
        uint64_t counts[_DEVBOX_ERROR_MAX];
        uint64_t total; /* since the last flush */
} Tally;

void tally_add(Tally *tally, int error);

/* Appends an entry per reason. The counts stay until tally_reset(), which is for when it is committed. */
int tally_append(const Tally *tally, ChainTransaction *write, uint64_t now_ms);
void tally_reset(Tally *tally);
