/* SPDX-License-Identifier: MIT */
/* Memory and swap. */

#include "collector/meminfo.h"

#include "basic/parse.h"

typedef enum Line { TOTAL, FREE, AVAILABLE, BUFFERS, CACHED, SWAP_TOTAL, SWAP_FREE, _LINE_MAX } Line;

static const char *const line_table[_LINE_MAX] = {
        [TOTAL] = "MemTotal:",     [FREE] = "MemFree:",  [AVAILABLE] = "MemAvailable:",
        [BUFFERS] = "Buffers:",    [CACHED] = "Cached:", [SWAP_TOTAL] = "SwapTotal:",
        [SWAP_FREE] = "SwapFree:",
};

/* Parses "       24684368 kB\n". */
static int parse_kib(const char *value, uint64_t *ret_bytes)
{
        uint64_t kib;

        int r = parse_next_u64(&value, &kib);
        if (r < 0 || !startswith(value, " kB\n") || kib > UINT64_MAX / 1024)
                return -EBADMSG;

        *ret_bytes = kib * 1024;
        return 0;
}

int meminfo_parse(const char *text, SystemSample *sample)
{
        uint64_t bytes[_LINE_MAX] = { 0 };
        bool found[_LINE_MAX] = { false };

        for (const char *at = text; at && *at; at = strchr(at, '\n')) {
                at += *at == '\n';

                for (int line = 0; line < _LINE_MAX; line++) {
                        if (!startswith(at, line_table[line]))
                                continue;
                        int r = parse_kib(at + strlen(line_table[line]), &bytes[line]);
                        if (r < 0)
                                return r;
                        found[line] = true;
                }
        }

        if (!found[AVAILABLE]) {
                if (!found[FREE] || !found[BUFFERS] || !found[CACHED])
                        return -EBADMSG;
                bytes[AVAILABLE] = bytes[FREE] + bytes[BUFFERS] + bytes[CACHED];
        }
        if (!found[TOTAL])
                return -EBADMSG;

        sample->memory_total_bytes = bytes[TOTAL];
        sample->memory_available_bytes = bytes[AVAILABLE];
        sample->swap_total_bytes = bytes[SWAP_TOTAL];
        sample->swap_free_bytes = bytes[SWAP_FREE];
        return 0;
}
