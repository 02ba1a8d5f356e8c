/* SPDX-License-Identifier: MIT */
#pragma once

/* Programs whose arguments let them do more than their name suggests: they start other programs, write files
 * or show any file. The table, programs.csv, is no proof that a program is harmless: it shows the operator
 * where to look twice. */

#include "basic/macro.h"

enum {
        PROGRAM_SHELL = 1,   /* starts other programs, loads code or interprets a language */
        PROGRAM_WRITE = 2,   /* writes files, or changes the machine */
        PROGRAM_READ = 4,    /* shows any file that it can open */
        PROGRAM_UNKNOWN = 8, /* not in the table */
};

/* By the last part of the path, without target, version and suffix: x86_64-linux-gnu-gcc-12 is gcc, and
 * ld-linux-x86-64.so.2 is ld-linux. 0: in the table, as harmless. */
unsigned program_functions(const char *path);
