/* SPDX-License-Identifier: MIT */
#pragma once

/* The steps of a command while a person watches: a label in a column of its own, then what became of it. No
 * function prints anything with --json; all text is sanitised. Errors: -ENOMEM, of writing. */

#include "ctl/verb.h"

typedef struct Progress {
        const Ctl *ctl;
        int column; /* where what follows a label begins */
} Progress;

/* A step that takes time: its label is on the screen before it begins, and the rest of the line follows. */
int progress_begin(const Progress *progress, const char *format, ...) _printf_(2, 3);
int progress_end(const Progress *progress, const char *format, ...) _printf_(2, 3);

/* A whole line; an empty label continues the step before. */
int progress_line(const Progress *progress, const char *label, const char *format, ...) _printf_(3, 4);

/* "[y/N]" after the question, on the controlling terminal; what was typed before is dropped. Returns 1 yes,
 * 0 anything else. Errors: -ENOTTY there is no terminal. */
int progress_ask(const Progress *progress, const char *question);
