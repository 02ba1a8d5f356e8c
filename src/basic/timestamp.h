/* SPDX-License-Identifier: MIT */
#pragma once

/* Spans and points in time as a person writes them. */

#include <stdint.h>

/* "45s", "10m", "12h", "30d": one number and one unit, more than nothing and at most 3660 days.
 * Errors: -EINVAL, -ERANGE. */
int parse_span_ms(const char *text, uint64_t *ret_span_ms);

/* "2026-12-31" (its beginning) or "2026-12-31T12:00:00Z", in UTC; or a span, counted from `now_ms`; or
 * milliseconds since 1970, all digits. Errors: -EINVAL, -ERANGE. */
int parse_timestamp_ms(const char *text, uint64_t now_ms, uint64_t *ret_moment_ms);
