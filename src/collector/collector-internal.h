/* SPDX-License-Identifier: MIT */
#pragma once

/* The body of Collector, for collector.c (its lifecycle) and methods.c (its interface on the bus). */

#include "bus/call.h"
#include "bus/component.h"
#include "collector/collector.h"
#include "collector/disks.h"
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

        Disks *disks;
        System *system;
        Sampler *sampler;
        Units *units;
        BusCalls calls;
        NameWatch api;

        uint64_t system_samples;
        SystemSample sample;
        usec_t sampled_after_usec; /* CLOCK_MONOTONIC; 0: there is no sample that may be used */
        usec_t system_usec;        /* how long the last sample took */
        int system_result;         /* of the last system_read() */
        int units_result;          /* of the last time: 0, or a DevboxError */
        bool draining;             /* the name is given back: exit when no call waits any more */
};

/* Sets the property Healthy from the results of all parts. */
void collector_update_health(Collector *collector);

/* The result of calling systemd, 0 or a DevboxError: part of the health, and logged when it changes. */
void collector_set_units_result(Collector *collector, int result);

/* Ends the loop if the collector is stopping and no call waits any more. */
void collector_exit_if_drained(Collector *collector);

/* Frees one of `calls`, without a reply. */
void collector_call_free(BusCall *kept);

/* DisksOptions, SamplerOptions, UnitsOptions: `owner` is the collector. */
void collector_on_window(void *owner);
void collector_on_disks(void *owner);
void collector_on_refreshed(int result, void *owner);
void collector_on_units_changed(const char *const *names, size_t n_names, void *owner);

/* Adds org.devbox.Collector1 to the object at `path`. */
int collector_add_interface(Collector *collector, sd_bus *bus, const char *path, sd_bus_slot **ret_slot);
