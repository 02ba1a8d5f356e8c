/* SPDX-License-Identifier: MIT */
#pragma once

/* The table that embed.py makes of patterns.csv. */

#include "ctl/manifest/patterns.h"

typedef struct PatternRow {
        PatternUse use;
        const char *pattern;
} PatternRow;

extern const PatternRow pattern_rows[];
extern const size_t n_pattern_rows;
