/* SPDX-License-Identifier: MIT */
/* Alerts of invitations that are on hold: ListPending of devbox-mesh is compared with what was announced, at
 * the start and after each event about an invitation, so that none that ended meanwhile stays. */

#include <stdio.h>

#include "bus/dictionary.h"
#include "matrix/alert.h"
#include "matrix/daemon-internal.h"

#define KEY       "held:" /* followed by the name */
#define HOLDS_MAX 16384   /* more than a mesh has addresses */
#define LINE_SIZE 256

typedef struct PendingDevice {
        const char *name, *state;
} PendingDevice;

static const BusField fields[] = {
        BUS_FIELD("name", BUS_TEXT, PendingDevice, name, BUS_REQUIRED),
        BUS_FIELD("state", BUS_TEXT, PendingDevice, state, BUS_REQUIRED),
};
static const BusDictionary dictionary = BUS_DICTIONARY(fields);
static const BusRows rows_type = { .row = &dictionary, .row_size = sizeof(PendingDevice), .max = HOLDS_MAX };

typedef struct Pending {
        const PendingDevice *items;
        size_t n_items;
} Pending;

static bool is_held(const void *userdata, const char *name)
{
        const Pending *pending = userdata;

        for (size_t i = 0; i < pending->n_items; i++)
                if (streq(pending->items[i].name, name))
                        return streq(pending->items[i].state, "held");
        return false;
}

static int raise_held(Database *database, const Pending *pending)
{
        char key[LINE_SIZE], line[LINE_SIZE];
        int r = 0;

        for (size_t i = 0; r == 0 && i < pending->n_items; i++) {
                const char *name = pending->items[i].name;

                if (!streq(pending->items[i].state, "held"))
                        continue;
                (void) snprintf(key, sizeof key, KEY "%s", name);
                (void) snprintf(line, sizeof line,
                                "%s: two devices claim to be this one; neither is admitted. Withdraw its "
                                "invitation, and invite it again",
                                name);
                r = alert_raise(database, key, line);
        }
        return r;
}

static int compare(Database *database, void *rows, size_t n)
{
        const Pending pending = { rows, n };

        int r = raise_held(database, &pending);
        return r != 0 ? r
                      : alert_end_others(database, KEY, is_held, &pending,
                                         "was on hold, as two devices claimed to be this one; that is over");
}

static void on_pending(BusRequest *call, const BusReply *reply)
{
        MatrixDaemon *self = CONTAINER_OF(call, MatrixDaemon, watch.holds.call);

        watch_compare(self, reply, &rows_type, compare, "the invitations");
        if (reading_end(&self->watch.holds))
                holds_refresh(self);
}

void holds_refresh(MatrixDaemon *self)
{
        Reading *reading = &self->watch.holds;

        if (self->session && reading_begin(reading))
                bus_client_send_take(&self->mesh, &reading->call,
                                     bus_client_new_call(&self->mesh, "ListPending", NULL), on_pending);
}
