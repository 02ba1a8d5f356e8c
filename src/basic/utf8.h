/* SPDX-License-Identifier: MIT */
#pragma once

/* UTF-8, as RFC 3629 has it: no longer form than needed, no surrogates, nothing above U+10FFFF. */

#include "basic/macro.h"

/* The length of the sequence at the start, and its code point; 0 if there is none. Looks at no more than
 * `size` bytes, of which there must be one, and at none behind a NUL. */
size_t utf8_decode(const void *text, size_t size, uint32_t *ret_code);

/* U+0000 to U+001F and U+007F to U+009F. */
static inline bool utf8_is_control(uint32_t code)
{
        return code < 0x20 || (code >= 0x7f && code <= 0x9f);
}

/* Characters that leave no mark, join what follows or turn its direction, such as U+00AD, U+202E, U+FEFF and
 * tags; controls among them. Source: Unicode, Default_Ignorable_Code_Point and Bidi_Control. */
bool utf8_is_invisible(uint32_t code);

/* Whether all of a text is UTF-8 without such characters. */
bool utf8_is_visible(const char *text);

/* Replaces what is no such character, and a terminal could execute, hide or reorder, by '?', byte by byte.
 * Returns the number of characters. */
size_t utf8_sanitize(char *text);
