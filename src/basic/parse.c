/* SPDX-License-Identifier: MIT */
/* Numbers from text. */

#include "basic/parse.h"

#include "basic/macro.h"

int parse_next_u64(const char **cursor, uint64_t *ret_value)
{
        const char *at = *cursor;
        uint64_t value = 0;

        while (*at == ' ' || *at == '\t')
                at++;
        if (*at < '0' || *at > '9')
                return -EINVAL;

        for (; *at >= '0' && *at <= '9'; at++)
                if (__builtin_mul_overflow(value, (uint64_t) 10, &value) ||
                    __builtin_add_overflow(value, (uint64_t) (*at - '0'), &value))
                        return -ERANGE;

        *cursor = at;
        *ret_value = value;
        return 0;
}

int parse_u64(const char *text, uint64_t min, uint64_t max, uint64_t *ret_value)
{
        uint64_t value;

        if (*text < '0' || *text > '9')
                return -EINVAL;

        int r = parse_next_u64(&text, &value);
        if (r < 0)
                return r;
        if (*text != '\0')
                return -EINVAL;
        if (value < min || value > max)
                return -ERANGE;

        *ret_value = value;
        return 0;
}
