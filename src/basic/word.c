/* SPDX-License-Identifier: MIT */
/* Words of people. */

#include "basic/word.h"

#include <limits.h>

#include "basic/utf8.h"

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

/* ---- quoting */

/* Spaces that are not U+0020, and U+2800, which looks like one. */
static bool is_odd_blank(uint32_t code)
{
        return code == 0xa0 || code == 0x1680 || (code >= 0x2000 && code <= 0x200a) || code == 0x202f ||
               code == 0x205f || code == 0x2800 || code == 0x3000;
}

/* The length of the character there, and whether it must be escaped. */
static size_t look(const char *at, uint32_t *ret_code, bool *ret_hidden)
{
        size_t size = utf8_decode(at, SIZE_MAX, ret_code);

        *ret_hidden = size == 0 || utf8_is_invisible(*ret_code) || is_odd_blank(*ret_code);
        if (size == 0)
                *ret_code = (uint8_t) *at;
        return size;
}

static bool is_visible(const char *word)
{
        uint32_t code;
        bool hidden = false;

        while (*word != '\0' && !hidden)
                word += MAX(look(word, &code, &hidden), (size_t) 1);
        return !hidden;
}

/* In $'': one character. */
static void append_escaped(Text *text, size_t size, uint32_t code)
{
        static const char *const names[] = { ['\t'] = "\\t", ['\n'] = "\\n", ['\r'] = "\\r" };

        if (code < ELEMENTSOF(names) && names[code])
                text_append(text, names[code]);
        else if (size <= 1)
                text_appendf(text, "\\x%02x", (unsigned) code);
        else
                text_appendf(text, code <= 0xffff ? "\\u%04x" : "\\U%08x", (unsigned) code);
}

static void append_with_escapes(Text *text, const char *word)
{
        uint32_t code;
        bool hidden;

        text_append(text, "$'");
        for (size_t size; *word != '\0'; word += MAX(size, (size_t) 1)) {
                size = look(word, &code, &hidden);
                if (hidden) {
                        append_escaped(text, size, code);
                        continue;
                }
                text_append(text, code == '\'' || code == '\\' ? "\\" : "");
                text_append_bytes(text, word, size);
        }
        text_append(text, "'");
}

void word_append_quoted(Text *text, const char *word)
{
        size_t plain = strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                    "_-.:@/,+=%");

        if (plain > 0 && word[plain] == '\0')
                return text_append(text, word);
        if (!is_visible(word))
                return append_with_escapes(text, word);

        text_append(text, "'");
        for (; *word != '\0'; word++)
                if (*word == '\'')
                        text_append(text, "'\\''");
                else
                        text_append_bytes(text, word, 1);
        text_append(text, "'");
}
