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

/* Before 3.14 the kernel has no MemAvailable. */
static void derive_available(uint64_t bytes[static _LINE_MAX])
{
        if (bytes[FREE] != SAMPLE_UNKNOWN && bytes[BUFFERS] != SAMPLE_UNKNOWN &&
            bytes[CACHED] != SAMPLE_UNKNOWN)
                bytes[AVAILABLE] = bytes[FREE] + bytes[BUFFERS] + bytes[CACHED];
}

int meminfo_parse(const char *text, SystemSample *sample)
{
        uint64_t bytes[_LINE_MAX];
        bool found[_LINE_MAX] = { false };

        for (int line = 0; line < _LINE_MAX; line++)
                bytes[line] = SAMPLE_UNKNOWN;

        for (const char *at = text; at && *at; at = strchr(at, '\n')) {
                at += *at == '\n';

                for (int line = 0; line < _LINE_MAX; line++)
                        if (startswith(at, line_table[line])) {
                                found[line] = true;
                                (void) parse_kib(at + strlen(line_table[line]), &bytes[line]);
                        }
        }
        if (!found[AVAILABLE])
                derive_available(bytes);

        sample->memory_total_bytes = bytes[TOTAL];
        sample->memory_available_bytes = bytes[AVAILABLE];
        sample->swap_total_bytes = found[SWAP_TOTAL] ? bytes[SWAP_TOTAL] : 0;
        sample->swap_free_bytes = found[SWAP_FREE] ? bytes[SWAP_FREE] : 0;

        bool complete = sample->memory_total_bytes != SAMPLE_UNKNOWN &&
                        sample->memory_available_bytes != SAMPLE_UNKNOWN &&
                        sample->swap_total_bytes != SAMPLE_UNKNOWN &&
                        sample->swap_free_bytes != SAMPLE_UNKNOWN;
        return complete ? 0 : -EBADMSG;
}
