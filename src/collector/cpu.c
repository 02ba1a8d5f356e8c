/* SPDX-License-Identifier: MIT */
/* CPU time since boot, and the share of it that was used between two readings. */

#include "collector/cpu.h"

#include "basic/parse.h"

#define COLUMNS_MIN 4

/* Converts whole seconds and the rest separately, so that no product overflows. */
static usec_t ticks_to_usec(uint64_t ticks, uint64_t ticks_per_sec)
{
        uint64_t seconds = MIN(ticks / ticks_per_sec, USEC_INFINITY / USEC_PER_SEC - 1);

        return seconds * USEC_PER_SEC + ticks % ticks_per_sec * USEC_PER_SEC / ticks_per_sec;
}

int cpu_parse(const char *text, uint64_t ticks_per_sec, usec_t ret_cpu_usec[static _CPU_MODE_MAX])
{
        usec_t usec[_CPU_MODE_MAX] = { 0 };
        const char *cursor = text + strlen("cpu");
        int n = 0;

        if (!startswith(text, "cpu ") || !strchr(text, '\n'))
                return -EBADMSG;

        for (; n < _CPU_MODE_MAX; n++) {
                uint64_t ticks;

                int r = parse_next_u64(&cursor, &ticks);
                if (r == -EINVAL && *cursor == '\n')
                        break;
                if (r < 0)
                        return -EBADMSG;
                usec[n] = ticks_to_usec(ticks, ticks_per_sec);
        }
        if (n < COLUMNS_MIN)
                return -EBADMSG;

        memcpy(ret_cpu_usec, usec, sizeof usec);
        return 0;
}

double cpu_percent(const usec_t before_usec[static _CPU_MODE_MAX],
                   const usec_t after_usec[static _CPU_MODE_MAX])
{
        double total = 0, unused = 0;

        for (int mode = 0; mode < _CPU_MODE_MAX; mode++) {
                usec_t spent = after_usec[mode] - MIN(before_usec[mode], after_usec[mode]);

                total += (double) spent;
                if (mode == CPU_IDLE || mode == CPU_IOWAIT)
                        unused += (double) spent;
        }

        return total > 0 ? percent_round(100.0 * (total - unused) / total) : 0;
}
