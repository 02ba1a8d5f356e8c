/* SPDX-License-Identifier: MIT */
#pragma once

/* The body of Units, for units.c (refreshes) and units-watch.c (signals). */

#include "bus/systemd1.h"
#include "collector/units.h"
#include "event/idle.h"

/* One configured unit; `sample` is its row, with what is known of it. */
typedef struct Unit {
        Units *units;
        const ConfigService *service;
        UnitSample *sample;
        char *alias_of;             /* systemd's primary name where it is another than the configured one */
        bool listed;                /* in the reply of the refresh under way */
        bool enter_known;           /* `active_enter_at_usec` and `active` are those of the present state */
        bool changed;               /* since on_changed() was called */
        usec_t active_exit_at_usec; /* fetched for states that unit_states does not have */
        sd_bus_slot *slot_get, *slot_exit, *slot_changed;
} Unit;

struct Units {
        sd_bus *bus;
        UnitsOptions options;
        UnitsCounters counters;

        Unit units[SAMPLE_UNITS_MAX];
        UnitSamples samples;

        /* The refresh under way, if `deadline_usec` is not 0. */
        usec_t deadline_usec, began_at_usec;
        size_t n_pending; /* calls for properties */
        bool resolved;    /* aliases were looked up once already */
        sd_bus_slot *slot_list;
        usec_t refresh_usec, refreshed_at_usec; /* of the last one */

        /* The watch. */
        bool watching;
        Idle idle;
        sd_event_source *defer_changed;
        sd_bus_slot *slot_subscribe, *slot_reloading, *slot_owner;
};

/* The name that systemd uses for rows and objects. */
static inline const char *unit_id(const Unit *unit)
{
        return unit->alias_of ?: unit->service->unit;
}

/* After the state was set: `active` follows from the name of a known state, otherwise from timestamps that
 * have to be fetched. */
void unit_judge_state(Unit *unit);

/* Replaces a string that a sample owns. */
int sample_set_string(char **string, const char *value);

int units_watch_init(Units *units);
void units_watch_done(Units *units);

/* Starts the watch, or prolongs it. */
int units_watch_touch(Units *units);
void units_watch_stop(Units *units);

/* Follows the object of unit_id(); nothing happens while not watching. */
int unit_watch(Unit *unit);
