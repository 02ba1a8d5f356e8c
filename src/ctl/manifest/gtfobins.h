/* SPDX-License-Identifier: MIT */
#pragma once

/* Programs that give away more than their name says: through flags, configuration or a pager they start
 * other programs, write files or show any file. What GTFOBins (gtfobins.github.io) collects, and some more
 * that change the machine. A table of names is no proof that a program is harmless: it only tells the
 * operator where to look twice. */

#include "basic/macro.h"

enum {
        GTFO_SHELL = 1, /* starts other programs, loads libraries or interprets a language */
        GTFO_WRITE = 2, /* writes files, or changes the machine */
        GTFO_READ = 4,  /* shows any file it can open */
};

/* By the last part of the path; versions such as python3.11 are their program. 0: not in the table. */
unsigned gtfobins_functions(const char *path);

size_t gtfobins_count(void);
