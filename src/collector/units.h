/* SPDX-License-Identifier: MIT */
#pragma once

/* The states of the configured units, from systemd over the system bus, with as few calls to PID 1 as
 * possible.
 *
 * A refresh is one ListUnitsByNames call, shared by all callers that arrive while it is under way. For 30 s
 * after the last refresh the units are watched (units-watch.c), and changes reported immediately. What
 * systemd has only for single units is kept during the watch: the primary name of an alias (until systemd
 * reloads) and the time when the unit became active (until its state changes). */

#include <systemd/sd-bus.h>

#include "config/config.h"
#include "sample/sample.h"

typedef struct Units Units;

typedef enum UnitsAnswer {
        UNITS_READY, /* no units are configured */
        UNITS_WAIT,  /* on_refreshed() will be called */
} UnitsAnswer;

typedef struct UnitsOptions {
        usec_t deadline_usec, watch_usec; /* of one refresh, after the last one; 0: 1.5 s, 30 s */
        void (*on_refreshed)(int result, void *owner); /* 0, or DEVBOX_ERROR_SYSTEMD_UNAVAILABLE */
        void (*on_changed)(const char *const *names, size_t n_names, void *owner);
        void *owner;
} UnitsOptions;

typedef struct UnitsCounters {
        uint64_t systemd_calls; /* to PID 1 */
        uint64_t refreshes;
        uint64_t changes; /* of units, reported */
} UnitsCounters;

/* `bus` must be attached to a loop. */
int units_new(sd_bus *bus, const UnitsOptions *options, Units **ret_units);
Units *units_free(Units *units);
DEFINE_CLEANUP(Units, units_free);

/* Sets the units; borrows `services` until the next time. A refresh under way starts again with the new
 * ones. */
int units_set_services(Units *units, const ConfigService *services, size_t n_services);

/* Starts a refresh or joins the one under way, and (re)starts the watch. Returns a UnitsAnswer. Errors:
 * those of sd-bus. */
int units_refresh(Units *units);

/* The result of the last refresh, in the order of the services, and its duration and time. */
const UnitSamples *units_samples(const Units *units);
usec_t units_refresh_usec(const Units *units);
usec_t units_refreshed_at_usec(const Units *units);

bool units_watching(const Units *units);
const UnitsCounters *units_counters(const Units *units);
