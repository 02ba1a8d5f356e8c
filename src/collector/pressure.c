/* SPDX-License-Identifier: MIT */
/* Time lost waiting for a resource (PSI). */

#include "collector/pressure.h"

#include "basic/parse.h"

/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=40391003\n" */
static int parse_total(const char *text, const char *scope, usec_t *ret_total)
{
        const char *line = text, *end;
        usec_t value;

        for (; (end = strchr(line, '\n')); line = end + 1) {
                if (!startswith(line, scope) || line[strlen(scope)] != ' ')
                        continue;

                const char *total = memmem(line, (size_t) (end - line), " total=", strlen(" total="));
                if (!total)
                        return -EBADMSG;
                total += strlen(" total=");
                if (parse_next_u64(&total, &value) < 0 || total != end)
                        return -EBADMSG;
                *ret_total = value;
                return 0;
        }

        return -EBADMSG;
}

int pressure_parse(const char *text, const char *resource, SystemSample *sample)
{
        int result = 0;

        for (PressureKind kind = 0; kind < _PRESSURE_KIND_MAX; kind++) {
                if (!streq(pressure_kind_resource(kind), resource))
                        continue;
                int r = parse_total(text, pressure_kind_scope(kind), &sample->pressure_usec[kind]);
                if (r < 0)
                        result = r;
        }

        return result;
}
