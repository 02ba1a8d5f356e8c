/* SPDX-License-Identifier: MIT */
/* From the states of devices to alerts. They are compared after each change, and once a minute as the
 * homeserver answers, without which nothing can be announced: an alert is raised once, and ends when its
 * state does. */

#include <stddef.h>
#include <stdio.h>

#include "bus/dictionary.h"
#include "log/log.h"
#include "matrix/alert.h"
#include "matrix/daemon-internal.h"

#define DEVICES_MAX 16384 /* more than a mesh has peers */
#define WATCH_USEC  (60 * USEC_PER_SEC)
#define EXPIRY_MS   (UINT64_C(7) * 24 * 3600 * 1000) /* as devbox-mesh warns */
#define KEY_SIZE    160
#define LINE_SIZE   1024

typedef struct WatchedDevice {
        const char *name, *presence, *quarantine, *witness_problem, *ledger_problem;
        uint64_t manifest_expires_ms; /* 0: it has none */
        const char *stale, *expiring; /* NULL: it is not */
        /* Whether the absence of a detail means that the state is over. */
        bool presence_known, expiry_known, quarantine_known, witness_known, ledger_known;
} WatchedDevice;

static const BusField fields[] = {
        BUS_FIELD("name", BUS_TEXT, WatchedDevice, name, BUS_REQUIRED),
        BUS_FIELD("presence", BUS_TEXT, WatchedDevice, presence, BUS_REQUIRED),
        BUS_FIELD("quarantine", BUS_TEXT, WatchedDevice, quarantine),
        BUS_FIELD("witness_problem", BUS_TEXT, WatchedDevice, witness_problem),
        BUS_FIELD("ledger_problem", BUS_TEXT, WatchedDevice, ledger_problem),
        BUS_FIELD("manifest_expires_at_ms", BUS_UINT64, WatchedDevice, manifest_expires_ms),
        BUS_FIELD("quarantine_known", BUS_BOOL, WatchedDevice, quarantine_known),
        BUS_FIELD("witness_known", BUS_BOOL, WatchedDevice, witness_known),
        BUS_FIELD("ledger_known", BUS_BOOL, WatchedDevice, ledger_known),
};
static const BusDictionary dictionary = BUS_DICTIONARY(fields);
static const BusRows rows_type = { .row = &dictionary,
                                   .row_size = sizeof(WatchedDevice),
                                   .max = DEVICES_MAX };

typedef struct WatchedDevices {
        WatchedDevice *items;
        size_t n_items;
} WatchedDevices;

void watch_done(Watch *watch)
{
        reading_cancel(&watch->reading);
        reading_cancel(&watch->holds);
        reading_cancel(&watch->alarms);
        watch->due_usec = 0;
}

/* ---- states */

#define FIELDS(detail, known) offsetof(WatchedDevice, detail), offsetof(WatchedDevice, known)

/* A device is in the state while it has a detail of it: "NAME BEGUN: DETAIL. ADVICE"; then, once that is
 * known, "NAME OVER". */
static const struct {
        const char *key; /* of the alert, followed by the name */
        size_t detail, known;
        const char *begun, *advice, *over;
} states[] = {
        { "stale:", FIELDS(stale, presence_known), "is stale", "See devboxctl doctor",
          "was stale, and is back" },
        { "expiring:", FIELDS(expiring, expiry_known), "needs a new manifest",
          "Renew it with devboxctl manifest publish", "needed a new manifest, and has one" },
        { "quarantine:", FIELDS(quarantine, quarantine_known), "is quarantined",
          "See devboxctl audit verify on the hub", "was quarantined, and is no longer" },
        { "witness:", FIELDS(witness_problem, witness_known), "is not witnessed",
          "See journalctl -u devbox-dispatch -u devbox-ledger on the hub",
          "was not witnessed, and is again" },
        { "ledger:", FIELDS(ledger_problem, ledger_known), "has trouble with its ledger or its disk",
          "See devboxctl doctor on the device", "had trouble with its ledger or its disk, and works again" },
};

static void format_key(const char *kind, const char *name, char ret_key[static KEY_SIZE])
{
        (void) snprintf(ret_key, KEY_SIZE, "%s%s", kind, name);
}

static int compare_device(Database *database, const WatchedDevice *device)
{
        char key[KEY_SIZE], line[LINE_SIZE];
        int r = 0;

        for (size_t i = 0; r == 0 && i < ELEMENTSOF(states); i++) {
                const char *detail = *(const char *const *) ((const char *) device + states[i].detail);

                if (!detail && !*(const bool *) ((const char *) device + states[i].known))
                        continue;
                format_key(states[i].key, device->name, key);
                if (detail)
                        (void) snprintf(line, sizeof line, "%s %s: %s. %s", device->name, states[i].begun,
                                        detail, states[i].advice);
                else
                        (void) snprintf(line, sizeof line, "%s %s", device->name, states[i].over);
                r = (detail ? alert_raise : alert_end)(database, key, line);
        }
        return r;
}

static bool is_listed(const void *userdata, const char *name)
{
        const WatchedDevices *devices = userdata;

        for (size_t i = 0; i < devices->n_items; i++)
                if (streq(devices->items[i].name, name))
                        return true;
        return false;
}

/* After a boot of the hub, no handshake is known of a device until the next one. */
static void judge(WatchedDevice *device, uint64_t now_ms)
{
        device->presence_known = !streq(device->presence, "never");
        device->expiry_known = true;
        if (streq(device->presence, "stale"))
                device->stale = "no handshake for a day";
        if (device->manifest_expires_ms != 0 && device->manifest_expires_ms < now_ms + EXPIRY_MS)
                device->expiring = device->manifest_expires_ms > now_ms
                                           ? "the one that it has expires within a week"
                                           : "the one that it has expired";
}

static int compare(Database *database, void *rows, size_t n)
{
        uint64_t now_ms = time_now(CLOCK_REALTIME) / USEC_PER_MSEC;
        const WatchedDevices devices = { rows, n };
        int r = 0;

        for (size_t i = 0; i < n; i++)
                judge(&devices.items[i], now_ms);
        for (size_t i = 0; r == 0 && i < n; i++)
                r = compare_device(database, &devices.items[i]);
        for (size_t i = 0; r == 0 && i < ELEMENTSOF(states); i++) /* what is no device is in no state */
                r = alert_end_others(database, states[i].key, is_listed, &devices,
                                     "is no longer a device of this network");
        return r;
}

static int compare_rows(Database *database, sd_bus_message *message, const BusRows *type,
                        WatchComparison *comparison)
{
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;
        void *rows = NULL;
        size_t n = 0;

        int r = bus_rows_read_new(message, type, &rows, &n);
        if (r >= 0)
                r = transaction_begin(database, &transaction);
        if (r >= 0)
                r = comparison(database, rows, n);
        if (r >= 0)
                r = transaction_commit(&transaction);
        free(rows);
        return r;
}

void watch_compare(MatrixDaemon *self, const BusReply *reply, const BusRows *type,
                   WatchComparison *comparison, const char *what)
{
        int r = reply->reason == 0 ? compare_rows(self->database, reply->message, type, comparison) : 0;

        if (r < 0)
                (void) log_warning_errno(r, "Cannot compare %s with what was announced, ignoring", what);
        session_send(self->session);
}

static void on_devices(BusRequest *call, const BusReply *reply)
{
        MatrixDaemon *self = CONTAINER_OF(call, MatrixDaemon, watch.reading.call);

        watch_compare(self, reply, &rows_type, compare, "the devices");
        if (reading_end(&self->watch.reading))
                watch_refresh(self);
}

void watch_refresh(MatrixDaemon *self)
{
        Watch *watch = &self->watch;

        if (!self->session || !reading_begin(&watch->reading))
                return;
        bus_client_send_take(&self->dispatch, &watch->reading.call,
                             bus_client_new_call(&self->dispatch, "ListDevices", NULL), on_devices);
}

void watch_work(MatrixDaemon *self)
{
        usec_t now_usec = time_now(CLOCK_MONOTONIC);

        if (now_usec < self->watch.due_usec)
                return;
        self->watch.due_usec = now_usec + WATCH_USEC;
        watch_refresh(self);
        holds_refresh(self);
        alarms_refresh(self);
        approvals_refresh(self);
}

/* ---- events */

int watch_on_event(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        alarms_refresh(userdata);
        holds_refresh(userdata);
        return 0;
}
