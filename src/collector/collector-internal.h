/* SPDX-License-Identifier: MIT */
#pragma once

/* The body of Collector, for collector.c (what it is), answer.c (what it answers) and bus.c (how it is
 * asked). */

#include "bus/component.h"
#include "collector/call.h"
#include "collector/collector.h"
#include "collector/sampler.h"
#include "collector/system.h"
#include "collector/units.h"
#include "config/holder.h"
#include "event/idle.h"

struct Collector {
        Daemon *daemon;
        sd_event *event; /* the daemon's, like the bus */
        sd_bus *bus;
        Component component;
        sd_bus_slot *slot_interface;
        Idle idle;

        ConfigHolder config;

        System *system;
        Sampler *sampler;
        Units *units;
        Calls calls;

        uint64_t system_samples;
        SystemSample sample;
        usec_t sampled_after_usec;       /* CLOCK_MONOTONIC; 0: there is no sample that may be used */
        usec_t system_usec;              /* how long the last sample took */
        int system_result, units_result; /* of the last time: 0, or a DevboxError */
        bool draining;                   /* the name is given back: exit when no call waits any more */
};

/* How reading /proc (0 or -errno), asking systemd (0 or a DevboxError) went: told and logged when it
 * changes. */
void collector_set_system_result(Collector *collector, int error);
void collector_set_units_result(Collector *collector, int result);

/* Ends the loop if the collector is stopping and no call waits any more. */
void collector_exit_if_drained(Collector *collector);

/* Answers one call of org.devbox.Collector1, now or later. Returns as a vtable handler does. */
int collector_handle(Collector *collector, sd_bus_message *message, CallKind kind, sd_bus_error *error);

/* SamplerOptions, UnitsOptions: `owner` is the collector. */
void collector_on_window(int result, void *owner);
void collector_on_refreshed(int result, void *owner);
void collector_on_units_changed(const char *const *names, size_t n_names, void *owner);

/* Adds org.devbox.Collector1 to the object at `path`. */
int collector_add_interface(Collector *collector, sd_bus *bus, const char *path, sd_bus_slot **ret_slot);
