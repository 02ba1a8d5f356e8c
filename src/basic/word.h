/* SPDX-License-Identifier: MIT */
#pragma once

/* Words that were meant: for "did you mean …?". */

#include <stdbool.h>
#include <stddef.h>

/* The candidate most like `word`, or NULL if none is near: at most two letters missing, added, wrong or
 * swapped with their neighbour, and fewer than half of them. Returns one of `candidates`. */
const char *word_nearest(const char *word, const char *const *candidates, size_t n_candidates);

/* Whether a word from outside may be shown in a message: short, and nothing but letters, digits and the
 * marks that names have. */
bool word_is_showable(const char *word);
