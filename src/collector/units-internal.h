/* SPDX-License-Identifier: MIT */
#pragma once

/* The body of Units, for units.c (asking) and units-watch.c (being told). */

#include "collector/units.h"
#include "event/idle.h"

#define SYSTEMD_NAME      "org.freedesktop.systemd1"
#define SYSTEMD_PATH      "/org/freedesktop/systemd1"
#define MANAGER_INTERFACE "org.freedesktop.systemd1.Manager"
#define UNIT_INTERFACE    "org.freedesktop.systemd1.Unit"

/* One configured unit; `sample` is its row, which holds what was told of it last. */
typedef struct Unit {
        Units *units;
        const ConfigService *service;
        UnitSample *sample;
        char *alias_of;   /* systemd's primary name where it is another than the configured one */
        bool listed;      /* the refresh under way has found it */
        bool enter_known; /* `active_enter_at_usec` is that of the present state */
        bool changed;     /* to be told */
        sd_bus_slot *slot_get, *slot_changed;
} Unit;

struct Units {
        sd_bus *bus;
        UnitsOptions options;
        UnitsCounters counters;

        Unit units[SAMPLE_UNITS_MAX];
        UnitSamples samples;

        /* The refresh under way, if `deadline_usec` is not 0. */
        usec_t deadline_usec, began_at_usec;
        size_t n_pending; /* properties that were asked for */
        bool resolved;    /* aliases were looked up once already */
        sd_bus_slot *slot_list;
        usec_t refresh_usec, refreshed_at_usec; /* of the last one */

        /* The watch. */
        bool watching;
        Idle idle;
        sd_event_source *defer_changed;
        sd_bus_slot *slot_subscribe, *slot_reloading, *slot_owner;
};

/* The name that systemd uses: rows and objects go by it. */
static inline const char *unit_id(const Unit *unit)
{
        return unit->alias_of ?: unit->service->unit;
}

int unit_path(const Unit *unit, char **ret_path);

/* Replaces a string that a sample owns. */
int sample_set_string(char **string, const char *value);

int units_watch_init(Units *units);
void units_watch_done(Units *units);

/* Starts the watch, or puts its end off. */
int units_watch_touch(Units *units);
void units_watch_stop(Units *units);

/* Follows the object that unit_id() now means; nothing happens while not watching. */
int unit_watch(Unit *unit);
