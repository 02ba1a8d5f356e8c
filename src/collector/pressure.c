/* SPDX-License-Identifier: MIT */
/* Time lost waiting for a resource (PSI). */

#include "collector/pressure.h"

#include "basic/parse.h"

/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=40391003\n" */
static int parse_total(const char *text, const char *scope, usec_t *ret_total)
{
        const char *line = text, *end;

        for (; (end = strchr(line, '\n')); line = end + 1) {
                if (!startswith(line, scope) || line[strlen(scope)] != ' ')
                        continue;

                const char *total = memmem(line, (size_t) (end - line), " total=", strlen(" total="));
                if (!total)
                        return -EBADMSG;
                total += strlen(" total=");
                return parse_next_u64(&total, ret_total) < 0 || total != end ? -EBADMSG : 0;
        }

        return -EBADMSG;
}

int pressure_parse(const char *text, const char *resource, SystemSample *sample)
{
        usec_t totals[_PRESSURE_KIND_MAX];

        memcpy(totals, sample->pressure_usec, sizeof totals);
        for (PressureKind kind = 0; kind < _PRESSURE_KIND_MAX; kind++) {
                if (!streq(pressure_kind_resource(kind), resource))
                        continue;
                int r = parse_total(text, pressure_kind_scope(kind), &totals[kind]);
                if (r < 0)
                        return r;
        }

        memcpy(sample->pressure_usec, totals, sizeof totals);
        return 0;
}
