/* SPDX-License-Identifier: MIT */
/* From the states of devices, and what happens to them, to alerts. States are compared, after each change
 * and once a minute: an alert is raised once, and ends when its state does. */

#include <inttypes.h>
#include <stdio.h>

#include "bus/dictionary.h"
#include "log/log.h"
#include "matrix/alert.h"
#include "matrix/daemon-internal.h"

#define DEVICES_MAX 16384 /* more than a mesh has peers */
#define WATCH_USEC  (60 * USEC_PER_SEC)
#define LINE_SIZE   512

typedef struct WatchedDevice {
        const char *name, *presence, *quarantine;
} WatchedDevice;

static const BusField fields[] = {
        BUS_FIELD("name", BUS_TEXT, WatchedDevice, name, BUS_REQUIRED),
        BUS_FIELD("presence", BUS_TEXT, WatchedDevice, presence, BUS_REQUIRED),
        BUS_FIELD("quarantine", BUS_TEXT, WatchedDevice, quarantine),
};
static const BusDictionary dictionary = BUS_DICTIONARY(fields);
static const BusRows rows_type = { .row = &dictionary,
                                   .row_size = sizeof(WatchedDevice),
                                   .max = DEVICES_MAX };

void watch_done(Watch *watch)
{
        reading_cancel(&watch->reading);
        watch->timer = sd_event_source_disable_unref(watch->timer);
}

/* ---- states */

/* Raised while `text` is not NULL: "NAME TEXT"; ends as "NAME OVER". */
static int compare(Database *database, const char *state, const char *name, const char *text,
                   const char *over)
{
        char key[128], line[LINE_SIZE];

        (void) snprintf(key, sizeof key, "%s:%s", state, name);
        (void) snprintf(line, sizeof line, "%s %s", name, text ? text : over);
        return text ? alert_raise(database, key, line) : alert_end(database, key, line);
}

static int compare_device(Database *database, const WatchedDevice *device)
{
        bool stale = streq(device->presence, "stale");
        char trouble[128];

        (void) snprintf(trouble, sizeof trouble,
                        "is quarantined (%s): see devboxctl audit verify on the hub",
                        strempty(device->quarantine));
        int r = compare(database, "stale", device->name,
                        stale ? "is stale: no handshake for a day. See devboxctl doctor" : NULL,
                        "was stale, and is back");
        return r < 0 ? r
                     : compare(database, "quarantine", device->name, device->quarantine ? trouble : NULL,
                               "was quarantined, and is no longer");
}

static void on_devices(BusRequest *call, const BusReply *reply)
{
        MatrixDaemon *self = CONTAINER_OF(call, MatrixDaemon, watch.reading.call);
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;
        void *items = NULL;
        size_t n = 0;

        int r = reply->reason == 0 ? bus_rows_read_new(reply->message, &rows_type, &items, &n) : 0;
        if (r >= 0)
                r = transaction_begin(self->database, &transaction);
        for (size_t i = 0; r == 0 && i < n; i++)
                r = compare_device(self->database, &((WatchedDevice *) items)[i]);
        free(items);
        if (r == 0)
                r = transaction_commit(&transaction);
        if (r < 0)
                (void) log_warning_errno(r, "Cannot compare the devices with what was announced, ignoring");
        session_send(self->session);
        if (reading_end(&self->watch.reading))
                watch_refresh(self);
}

static int on_timer(sd_event_source *timer, uint64_t usec, void *userdata)
{
        watch_refresh(userdata);
        approvals_refresh(userdata);
        return 0;
}

void watch_refresh(MatrixDaemon *self)
{
        Watch *watch = &self->watch;

        if (!self->session || !reading_begin(&watch->reading))
                return;
        watch->timer = sd_event_source_disable_unref(watch->timer);
        int r = sd_event_add_time_relative(self->event, &watch->timer, CLOCK_MONOTONIC, WATCH_USEC, 0,
                                           on_timer, self);
        if (r < 0)
                (void) log_error_errno(r, "Cannot arm a timer: alerts come only with the next change");
        bus_client_send_take(&self->dispatch, &watch->reading.call,
                             bus_client_new_call(&self->dispatch, "ListDevices", NULL), on_devices);
}

/* ---- events */

static int announce(Database *database, const char *key, const char *line)
{
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;

        int r = transaction_begin(database, &transaction);
        if (r == 0)
                r = alert_raise(database, key, line);
        return r < 0 ? r : transaction_commit(&transaction);
}

int watch_on_event(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        static const struct {
                const char *kind, *text; /* followed by the detail, if there is one */
        } rows[] = {
                { "drift", "the running network was not the desired one, and was repaired" },
                { "token_reused", "the invitation of this device was used once more, and was rejected" },
                { "held", "two devices claim to be this one; neither is admitted" },
        };
        const char *kind, *name, *detail;
        char key[160], line[LINE_SIZE];
        MatrixDaemon *self = userdata;
        uint64_t time_ms;
        size_t i = 0;

        if (!self->session || sd_bus_message_read(message, "tsss", &time_ms, &kind, &name, &detail) < 0)
                return 0;
        while (i < ELEMENTSOF(rows) && !streq(rows[i].kind, kind))
                i++;
        if (i == ELEMENTSOF(rows))
                return 0;

        (void) snprintf(key, sizeof key, "%s:%s:%" PRIu64, kind, name, time_ms);
        (void) snprintf(line, sizeof line, "%s%s%s%s%s", name, *name ? ": " : "", rows[i].text,
                        *detail ? ": " : "", detail);
        int r = announce(self->database, key, line);
        if (r < 0)
                (void) log_warning_errno(r, "Cannot announce an event, ignoring");
        session_send(self->session);
        return 0;
}
