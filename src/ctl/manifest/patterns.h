/* SPDX-License-Identifier: MIT */
#pragma once

/* Places and units that the linter knows, from patterns.csv. */

#include "basic/macro.h"

typedef enum PatternUse {
        PATTERN_PROGRAM, /* others than root may write there */
        PATTERN_WRITE,   /* root's programs read, load or run what is there */
        PATTERN_HOME,    /* login programs read what is there */
        PATTERN_READ,    /* holds secrets */
        PATTERN_RESTART, /* a unit that much else depends on, or that runs devbox */
} PatternUse;

/* Whether an absolute path is such a place or is below one. */
bool pattern_matches_path(PatternUse use, const char *path);

/* Whether such a place is, or can be, below an absolute path. */
bool pattern_is_below(PatternUse use, const char *path);

bool pattern_matches_unit(const char *unit);
