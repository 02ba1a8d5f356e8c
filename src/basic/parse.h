/* SPDX-License-Identifier: MIT */
#pragma once

/* Numbers from text. */

#include <stdint.h>

/* All of `text` must be a decimal number: digits only, no sign, no space, no fraction.
 * Errors: -EINVAL not a number, -ERANGE more than 64 bits or outside min..max. */
int parse_u64(const char *text, uint64_t min, uint64_t max, uint64_t *ret_value);

/* Reads one decimal number at `*cursor` after blanks, and moves the cursor behind it: for the tables of
 * /proc. Errors: -EINVAL no digit there, -ERANGE more than 64 bits; the cursor stays. */
int parse_next_u64(const char **cursor, uint64_t *ret_value);
