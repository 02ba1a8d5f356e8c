/* SPDX-License-Identifier: MIT */
#pragma once

/* Programs with a clock of their own (shift-clock.c), on whatever bus they are. */

#include <stdatomic.h>

#include "harness.h"

typedef struct ShiftedClock {
        char path[112];
        _Atomic int64_t *shifts; /* microseconds: of CLOCK_REALTIME, of CLOCK_BOOTTIME */
} ShiftedClock;

/* A clock that is right, for programs of that bus; and its end. */
void shifted_clock_init(ShiftedClock *clock, const TestBus *bus);
void shifted_clock_done(ShiftedClock *clock);

/* What this process starts from now on has that clock; NULL: the machine's. */
void shifted_clock_use(const ShiftedClock *clock);

/* Steps the wall clock. */
void shifted_clock_step(ShiftedClock *clock, int64_t seconds);
