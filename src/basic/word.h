/* SPDX-License-Identifier: MIT */
#pragma once

/* Words of people: what was meant ("did you mean …?"), and how they are shown. */

#include <stdbool.h>

#include "basic/text.h"

/* The candidate most like `word`, or NULL if none is near: at most two letters missing, added, wrong or
 * swapped with their neighbour, and fewer than half of them. Returns one of `candidates`. */
const char *word_nearest(const char *word, const char *const *candidates, size_t n_candidates);

/* Whether a word from outside may be shown in a message: short, and nothing but letters, digits and the
 * marks that names have. */
bool word_is_showable(const char *word);

/* Appends a word as bash would read it, so that no two words look alike: as it is if it is plain ASCII;
 * 'quoted'; or $'quoted' with escapes if it has what is not UTF-8, what leaves no mark, such as controls and
 * what turns the direction of a text, or blanks other than the usual one. */
void word_append_quoted(Text *text, const char *word);
