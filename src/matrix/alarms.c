/* SPDX-License-Identifier: MIT */
/* Alerts of what has happened to the network, and has no end: ListAlarms of devbox-mesh is compared with
 * what was announced, at the start and after each event, so that nothing is lost that happened meanwhile. */

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "bus/dictionary.h"
#include "matrix/alert.h"
#include "matrix/daemon-internal.h"

#define ALARMS_MAX 1000                    /* more than devbox-mesh lists */
#define HOUR_MS    (UINT64_C(3600) * 1000) /* those of a kind in one hour are one alert */
#define LATE_MS    (UINT64_C(600) * 1000)  /* then the alert has the time */
#define KEY_SIZE   160
#define LINE_SIZE  1024

typedef struct Alarm {
        const char *kind, *name, *detail;
        uint64_t time_ms;
} Alarm;

static const BusField fields[] = {
        BUS_FIELD("time_ms", BUS_UINT64, Alarm, time_ms, BUS_REQUIRED),
        BUS_FIELD("kind", BUS_TEXT, Alarm, kind, BUS_REQUIRED),
        BUS_FIELD("name", BUS_TEXT, Alarm, name, BUS_REQUIRED),
        BUS_FIELD("detail", BUS_TEXT, Alarm, detail, BUS_REQUIRED),
};
static const BusDictionary dictionary = BUS_DICTIONARY(fields);
static const BusRows rows_type = { .row = &dictionary, .row_size = sizeof(Alarm), .max = ALARMS_MAX };

/* By kind, followed by the detail, if there is one. */
static const struct {
        const char *kind, *text;
} texts[] = {
        { "drift", "the running network was not the desired one, and was repaired" },
        { "token_reused", "the invitation of this device was used once more, and was rejected" },
};

/* ", at 2026-11-28 22:31 UTC", if that was a while ago; else nothing. */
static void format_late(uint64_t time_ms, char *ret_text, size_t size)
{
        uint64_t now_ms = time_now(CLOCK_REALTIME) / USEC_PER_MSEC;
        time_t seconds = (time_t) (time_ms / 1000);
        struct tm utc;

        if (now_ms < time_ms + LATE_MS || !gmtime_r(&seconds, &utc) ||
            strftime(ret_text, size, ", at %Y-%m-%d %H:%M UTC", &utc) == 0)
                ret_text[0] = '\0';
}

static int announce(Database *database, const Alarm *alarm)
{
        char key[KEY_SIZE], late[32], line[LINE_SIZE];
        size_t i = 0;

        while (i < ELEMENTSOF(texts) && !streq(texts[i].kind, alarm->kind))
                i++;
        if (i == ELEMENTSOF(texts))
                return 0;

        (void) snprintf(key, sizeof key, "%s:%s:%" PRIu64, alarm->kind, alarm->name,
                        alarm->time_ms / HOUR_MS);
        format_late(alarm->time_ms, late, sizeof late);
        (void) snprintf(line, sizeof line, "%s%s%s%s%s%s", alarm->name, *alarm->name ? ": " : "",
                        texts[i].text, late, *alarm->detail ? ": " : "", alarm->detail);
        return alert_announce(database, key, line);
}

static int compare(Database *database, void *rows, size_t n)
{
        const Alarm *alarms = rows;
        int r = 0;

        for (size_t i = 0; r == 0 && i < n; i++)
                r = announce(database, &alarms[i]);
        return r;
}

static void on_alarms(BusRequest *call, const BusReply *reply)
{
        MatrixDaemon *self = CONTAINER_OF(call, MatrixDaemon, watch.alarms.call);

        watch_compare(self, reply, &rows_type, compare, "the alarms");
        if (reading_end(&self->watch.alarms))
                alarms_refresh(self);
}

void alarms_refresh(MatrixDaemon *self)
{
        Reading *reading = &self->watch.alarms;

        if (self->session && reading_begin(reading))
                bus_client_send_take(&self->mesh, &reading->call,
                                     bus_client_new_call(&self->mesh, "ListAlarms", NULL), on_alarms);
}
