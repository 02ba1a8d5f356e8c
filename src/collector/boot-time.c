/* SPDX-License-Identifier: MIT */
/* When the machine was booted. */

#include "collector/boot-time.h"

#include "basic/macro.h"
#include "basic/parse.h"

bool boot_time_is_stale(const BootTime *boot_time, usec_t realtime_usec, usec_t boottime_usec)
{
        usec_t clock_usec = realtime_usec - MIN(realtime_usec, boottime_usec);
        usec_t low = MIN(clock_usec, boot_time->clock_usec), high = MAX(clock_usec, boot_time->clock_usec);

        return boot_time->at_usec == 0 || high - low >= USEC_PER_SEC;
}

int boot_time_parse(BootTime *boot_time, const char *text, usec_t realtime_usec, usec_t boottime_usec)
{
        const char *line = strstr(text, "\nbtime ");
        uint64_t seconds;

        if (!line)
                return -EBADMSG;

        line += strlen("\nbtime");
        if (parse_next_u64(&line, &seconds) < 0 || *line != '\n' || seconds >= USEC_INFINITY / USEC_PER_SEC)
                return -EBADMSG;

        *boot_time = (BootTime){ .at_usec = seconds * USEC_PER_SEC,
                                 .clock_usec = realtime_usec - MIN(realtime_usec, boottime_usec) };
        return 0;
}
