/* SPDX-License-Identifier: MIT */
#pragma once

/* The tables that embed.py makes of programs.csv and patterns.csv. */

#include "ctl/manifest/patterns.h"
#include "ctl/manifest/programs.h"

/* Sorted by bytes, for bsearch(). */
typedef struct ProgramRow {
        const char *name;
        unsigned functions;
} ProgramRow;

extern const ProgramRow program_rows[];
extern const size_t n_program_rows;

typedef struct PatternRow {
        PatternUse use;
        const char *pattern;
} PatternRow;

extern const PatternRow pattern_rows[];
extern const size_t n_pattern_rows;
