/* SPDX-License-Identifier: MIT */
#pragma once

/* The tables that embed.py makes of programs.csv and patterns.csv. */

#include <stddef.h>

/* Sorted by bytes, for bsearch(). */
typedef struct ProgramRow {
        const char *name;
        unsigned functions; /* as program_functions() returns them */
} ProgramRow;

extern const ProgramRow program_rows[];
extern const size_t n_program_rows;

typedef struct PatternRow {
        unsigned use; /* a PatternUse */
        const char *pattern;
} PatternRow;

extern const PatternRow pattern_rows[];
extern const size_t n_pattern_rows;
