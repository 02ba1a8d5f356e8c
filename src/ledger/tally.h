/* SPDX-License-Identifier: MIT */
#pragma once

/* Counts rejections that get no entry of their own: those of unauthenticated input, which must not grow the
 * chain, and those above the rate limit. At a flush one entry per reason records the count. */

#include "audit/chain.h"
#include "proto/error.h"

typedef struct Tally {
        uint64_t counts[_DEVBOX_ERROR_MAX];
        uint64_t total; /* since the last flush */
} Tally;

void tally_add(Tally *tally, int error);

/* Appends an entry per reason. The caller resets the counts once that is committed. */
int tally_append(const Tally *tally, ChainTransaction *write, uint64_t now_ms);
void tally_reset(Tally *tally);
