/* SPDX-License-Identifier: MIT */
#pragma once

/* D-Bus calls of devboxctl. They are synchronous: a command line has nothing else to do.
 *
 * They return a DevboxError when a person can act; then `ret_problem` is a sentence with what to do,
 * which the caller frees. Errors: -ENOMEM. */

#include <systemd/sd-bus.h>

#include "proto/error.h"
#include "sample/sample.h"

int client_open(sd_bus **ret_bus, char **ret_problem);

int client_get_system(sd_bus *bus, SystemSample *ret_sample, char **ret_problem);
int client_get_units(sd_bus *bus, UnitSamples *ret_samples, char **ret_problem);

/* Both in one call. A part that the collector could not read is empty, with success=false in `parts`. */
typedef struct Snapshot {
        SystemSample system;
        UnitSamples units;
        PartSamples parts;
} Snapshot;

int client_get_snapshot(sd_bus *bus, Snapshot *ret_snapshot, char **ret_problem);
void snapshot_done(Snapshot *snapshot);

/* Whether the collector gathered this part: "system", "services". */
bool snapshot_has(const Snapshot *snapshot, const char *part);

/* org.devbox.Component1 of a component that runs: it is never started for the question. */
typedef struct ComponentProperties {
        char version[32];
        usec_t started_at_usec;
        bool healthy;
} ComponentProperties;

/* `name` is "Api1" or "Collector1". Returns DEVBOX_ERROR_NOT_FOUND when it is not running. */
int client_get_component(sd_bus *bus, const char *name, ComponentProperties *ret_properties,
                         char **ret_problem);

/* The introspection XML of a component's object, which the caller frees. */
int client_introspect(sd_bus *bus, const char *name, char **ret_xml, char **ret_problem);

/* Tells what a failed call to a component means. Returns the reason. */
int client_problem(const sd_bus_error *error, DevboxError unavailable, char **ret_problem);
