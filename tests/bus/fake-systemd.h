/* SPDX-License-Identifier: MIT */
#pragma once

/* The body of the fake systemd1: fake-systemd.c answers as systemd, fake-units.c holds the units and tells
 * of them, fake-socket.c listens for one, fake-control.c does what the test wants. */

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "basic/macro.h"
#include "basic/time.h"

#define MANAGER_PATH      "/org/freedesktop/systemd1"
#define MANAGER_INTERFACE "org.freedesktop.systemd1.Manager"
#define UNIT_PREFIX       MANAGER_PATH "/unit"
#define UNIT_INTERFACE    "org.freedesktop.systemd1.Unit"
#define SERVICE_INTERFACE "org.freedesktop.systemd1.Service"
#define PROPERTIES        "org.freedesktop.DBus.Properties"

#define NAME_MAX_BYTES 256
#define UNITS_MAX      128
#define HELD_MAX       1024
#define MEMBERS_MAX    32
#define WAITERS_MAX    32

typedef struct Unit {
        char id[NAME_MAX_BYTES], alias[NAME_MAX_BYTES]; /* alias: empty for none */
        char load_state[32], active_state[32], sub_state[32], result[32];
        uint64_t active_enter_at_usec, active_exit_at_usec, main_start_at_usec, main_exit_at_usec;
        int32_t main_status;
        uint8_t invocation_id[16];
        uint32_t job; /* 0: none */
} Unit;

/* What a test arranged for a member, and how often it was called. */
typedef struct Member {
        char name[64], error[128]; /* error: empty to work */
        bool held;
        uint64_t calls;
} Member;

typedef struct Waiter {
        sd_bus_message *message;
        char member[64];
        uint64_t calls;
} Waiter;

typedef struct FakeSystemd {
        sd_bus *bus;
        sd_bus_track *subscribers;
        Unit units[UNITS_MAX];
        Member members[MEMBERS_MAX];
        sd_bus_message *held[HELD_MAX];
        Waiter waiters[WAITERS_MAX];
        size_t n_units, n_members, n_held, n_waiters;
        uint32_t last_job;
} FakeSystemd;

extern FakeSystemd fake;

static inline void copy_text(char *to, size_t size, const char *from)
{
        size_t i = 0;

        for (; i + 1 < size && from[i] != '\0'; i++)
                to[i] = from[i];
        to[i] = '\0';
}

/* ---- fake-units.c */

Unit *unit_find(const char *name);
Unit *unit_make(const char *name); /* finds or adds */

/* systemd answers for units that do not exist as well: one that was looked for in vain. */
Unit unit_absent(const char *name);
char *unit_path(const char *id);

/* One property as a variant, or all of an interface ("": of every one) as a{sv}. */
int unit_append_property(sd_bus_message *message, const Unit *unit, const char *interface, const char *name);
int unit_append_properties(sd_bus_message *message, const Unit *unit, const char *interface);

/* Signals are sent only while there is a subscriber. */
bool subscribed(void);

/* As StartUnit: a start job that is still under way takes another start in. */
int unit_start(Unit *unit);
int unit_emit_changed(const Unit *unit);

/* Asking for a unit that nothing keeps in memory loads it and drops it again, with signals for both. */
int unit_emit_loaded_and_dropped(const Unit *unit);

/* ---- fake-socket.c */

/* Listens at `path`: a connection starts the unit, and is counted as a call of "Trigger". */
int socket_listen(const char *path, const char *id);

/* As when the unit ended: what is pending is rejected (FlushPending=yes), the next connection starts it. */
int socket_flush(void);

/* Whether connections count now, after "Trigger" was held, released or failed. */
int socket_update(void);

/* ---- fake-systemd.c */

Member *member_make(const char *name);
int handle(sd_bus_message *message);
int answer_waiters(void);
void job_path(uint32_t job, char *ret_path, size_t size);

/* ---- fake-control.c */

int control_add(sd_bus *bus);
