/* SPDX-License-Identifier: MIT */
#pragma once

/* Makes text from outside safe for a JSON parser that works with NUL-terminated strings, a recursion limit
 * and a limit on the length of numbers: a copy in which every value that would make it fail, or would be
 * cut, is replaced, as is the content of an event that has more than 2000 values. Text that is no JSON stays
 * no JSON. */

#include "basic/bytes.h"

/* The caller frees `ret_clean`. Errors: -ENOMEM. */
int json_clean(Bytes text, unsigned depth_max, char **ret_clean, size_t *ret_size);
