/* SPDX-License-Identifier: MIT */
/* The load averages. */

#include "collector/loadavg.h"

#include "basic/parse.h"

/* Parses "0.85 ". Not with strtod(3), which accepts "nan", "1e9" and the locale's comma as well. */
static int parse_next_load(const char **cursor, double *ret_load)
{
        const char *at = *cursor;
        uint64_t whole;

        if (parse_next_u64(&at, &whole) < 0 || *at != '.')
                return -EBADMSG;

        double load = (double) whole, place = 0.1;
        for (at++; *at >= '0' && *at <= '9'; at++, place /= 10)
                load += (*at - '0') * place;
        if (*at != ' ')
                return -EBADMSG;

        *cursor = at;
        *ret_load = load;
        return 0;
}

int loadavg_parse(const char *text, SystemSample *sample)
{
        const char *cursor = text;
        double load[3];

        for (size_t i = 0; i < ELEMENTSOF(load); i++) {
                int r = parse_next_load(&cursor, &load[i]);
                if (r < 0)
                        return r;
        }

        sample->load_1 = load[0];
        sample->load_5 = load[1];
        sample->load_15 = load[2];
        return 0;
}
