/* SPDX-License-Identifier: MIT */
#pragma once

/* devboxctl as a person runs it, on the bus of a test. */

#include "harness.h"

typedef struct Run {
        int status;
        char *output; /* standard output and error; runs of blanks are one, because columns have any width */
} Run;

/* `words` ends with NULL. */
Run run_ctl_words(const TestBus *bus, const char *const *words);

/* The same with `input` as standard input. */
Run run_ctl_with_input(const TestBus *bus, const char *const *words, const char *input);

/* The same on a terminal of its own, where each question is answered by the next line of `answers`; what is
 * echoed is in the output, too. */
Run run_ctl_on_terminal(const TestBus *bus, const char *const *words, const char *answers);
void run_done(Run *run);

/* Until it is called with NULL, ssh reaches that host, which has the bus of the test. What goes there is in
 * the file ssh-sent of the bus' directory. */
void ctl_run_use_ssh(const TestBus *bus, const char *host);

/* Runs the same words again and again, killed before one of its calls that leave a trace (kill-at.c), one
 * call later each time, until it survives. `check`, which may be NULL, sees the output of each. Returns the
 * last run. */
Run run_ctl_through_kills(const TestBus *bus, const char *const *words,
                          void (*check)(const char *output, void *userdata), void *userdata);

#define assert_has(text, part)                                                                              \
        ({                                                                                                  \
                if (!strstr(text, part))                                                                    \
                        fail_msg("no '%s' in:\n%s", part, text);                                            \
        })
