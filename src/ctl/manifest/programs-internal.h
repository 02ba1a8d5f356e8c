/* SPDX-License-Identifier: MIT */
#pragma once

/* The table that embed.py makes of programs.csv. */

#include "ctl/manifest/programs.h"

/* Sorted by bytes, for bsearch(). */
typedef struct ProgramRow {
        const char *name;
        unsigned functions;
} ProgramRow;

extern const ProgramRow program_rows[];
extern const size_t n_program_rows;
