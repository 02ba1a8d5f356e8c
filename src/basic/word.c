/* SPDX-License-Identifier: MIT */
/* Words that were meant. */

#include "basic/word.h"

#include <limits.h>

#include "basic/macro.h"

#define WORD_MAX     32
#define DISTANCE_MAX 2

/* Letters missing, added, wrong, or swapped with their neighbour (optimal string alignment). Only three rows
 * of the matrix are kept. */
static unsigned word_distance(const char *a, const char *b)
{
        unsigned rows[3][WORD_MAX + 1];
        size_t a_size = strlen(a), b_size = strlen(b);

        if (a_size > WORD_MAX || b_size > WORD_MAX)
                return UINT_MAX;

        for (unsigned j = 0; j <= b_size; j++)
                rows[0][j] = j;

        for (unsigned i = 1; i <= a_size; i++) {
                unsigned *row = rows[i % 3], *last = rows[(i + 2) % 3], *before_last = rows[(i + 1) % 3];

                row[0] = i;
                for (unsigned j = 1; j <= b_size; j++) {
                        row[j] = MIN(MIN(last[j], row[j - 1]) + 1, last[j - 1] + (a[i - 1] != b[j - 1]));
                        if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                                row[j] = MIN(row[j], before_last[j - 2] + 1);
                }
        }

        return rows[a_size % 3][b_size];
}

const char *word_nearest(const char *word, const char *const *candidates, size_t n_candidates)
{
        unsigned best = DISTANCE_MAX + 1;
        const char *nearest = NULL;

        for (size_t i = 0; i < n_candidates; i++) {
                unsigned distance = word_distance(word, candidates[i]);

                if (distance < best && 2 * distance < strlen(candidates[i])) {
                        best = distance;
                        nearest = candidates[i];
                }
        }

        return nearest;
}

bool word_is_showable(const char *word)
{
        size_t length = strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                     "_-.:@/*?[]\\");

        return length > 0 && length <= WORD_MAX && word[length] == '\0';
}
