/* SPDX-License-Identifier: MIT */
/* Spans and points in time as a person writes them. */

#include "basic/timestamp.h"

#include <stdio.h>
#include <time.h>

#include "basic/macro.h"
#include "basic/parse.h"

#define DAY_MS      UINT64_C(86400000)
#define SPAN_MAX_MS (3660 * DAY_MS)

int parse_span_ms(const char *text, uint64_t *ret_span_ms)
{
        static const struct {
                char letter;
                uint64_t ms;
        } units[] = { { 's', 1000 }, { 'm', 60000 }, { 'h', 3600000 }, { 'd', DAY_MS } };
        size_t length = strlen(text);
        char digits[16];
        uint64_t n;

        if (length < 2 || length > sizeof digits)
                return -EINVAL;

        memcpy(digits, text, length - 1);
        digits[length - 1] = '\0';
        for (size_t i = 0; i < ELEMENTSOF(units); i++) {
                if (text[length - 1] != units[i].letter)
                        continue;

                int r = parse_u64(digits, 1, SPAN_MAX_MS / units[i].ms, &n);
                if (r < 0)
                        return r;

                *ret_span_ms = n * units[i].ms;
                return 0;
        }

        return -EINVAL;
}

/* Whether the calendar has that day and the clock that time: timegm() would carry over. */
static int to_moment(struct tm parts, uint64_t *ret_moment_ms)
{
        struct tm again = parts;

        time_t seconds = timegm(&again);
        if (seconds < 0 || again.tm_mday != parts.tm_mday || again.tm_mon != parts.tm_mon ||
            again.tm_hour != parts.tm_hour || again.tm_min != parts.tm_min || again.tm_sec != parts.tm_sec)
                return -EINVAL;

        *ret_moment_ms = (uint64_t) seconds * 1000;
        return 0;
}

/* `shape` has a '#' for each digit. */
static bool has_shape(const char *text, const char *shape)
{
        for (; *shape != '\0'; shape++, text++)
                if (*shape == '#' ? *text < '0' || *text > '9' : *text != *shape)
                        return false;

        return *text == '\0';
}

static int number_at(const char *text, int n_digits)
{
        int number = 0;

        for (int i = 0; i < n_digits; i++)
                number = number * 10 + text[i] - '0';

        return number;
}

int parse_timestamp_ms(const char *text, uint64_t now_ms, uint64_t *ret_moment_ms)
{
        bool with_clock = has_shape(text, "####-##-##T##:##:##Z");
        uint64_t span;

        if (with_clock || has_shape(text, "####-##-##"))
                return to_moment((struct tm){ .tm_year = number_at(text, 4) - 1900,
                                              .tm_mon = number_at(text + 5, 2) - 1,
                                              .tm_mday = number_at(text + 8, 2),
                                              .tm_hour = with_clock ? number_at(text + 11, 2) : 0,
                                              .tm_min = with_clock ? number_at(text + 14, 2) : 0,
                                              .tm_sec = with_clock ? number_at(text + 17, 2) : 0 },
                                 ret_moment_ms);
        if (parse_u64(text, 0, INT64_MAX, ret_moment_ms) == 0)
                return 0;

        int r = parse_span_ms(text, &span);
        if (r < 0)
                return r;

        *ret_moment_ms = now_ms + span;
        return 0;
}
