/* SPDX-License-Identifier: MIT */
#pragma once

/* Lists of texts in documents. */

#include "basic/macro.h"

static inline bool texts_contain(char *const *texts, size_t n, const char *text)
{
        for (size_t i = 0; i < n; i++)
                if (streq(texts[i], text))
                        return true;

        return false;
}

/* Whether a LIST_OF(char *) has this text. */
#define LIST_CONTAINS(list, text) texts_contain((list).items, (list).n, (text))
