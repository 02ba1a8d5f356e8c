/* SPDX-License-Identifier: MIT */
/* Lines of a key, a blank and a number. */

#include "worker/memory-events.h"

#include "basic/parse.h"

#define KEY "oom_kill "

int memory_events_parse_kills(const char *text, uint64_t *ret_kills)
{
        for (const char *line = text; line; line = strchr(line, '\n')) {
                line += *line == '\n';
                if (startswith(line, KEY)) {
                        line += strlen(KEY);
                        return parse_next_u64(&line, ret_kills) < 0 ? -EBADMSG : 0;
                }
        }

        return -EBADMSG;
}
