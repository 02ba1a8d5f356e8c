/* SPDX-License-Identifier: MIT */
#pragma once

/* Calls that every component answers. Functions return 0, or a DevboxError with its detail, which the caller
 * frees. Errors: -ENOMEM. */

#include <systemd/sd-bus.h>

#include "basic/time.h"
#include "proto/error.h"

/* org.devbox.Component1 of a component that runs: it is never started for the question. */
typedef struct ComponentProperties {
        char version[32];
        usec_t started_at_usec;
        bool healthy;
} ComponentProperties;

/* `name` is "Api1" or "Collector1". Returns DEVBOX_ERROR_NOT_FOUND when it is not running. */
int component_client_get(sd_bus *bus, const char *name, ComponentProperties *ret_properties,
                         char **ret_problem);

/* The introspection XML of a component's object, which the caller frees. */
int component_client_introspect(sd_bus *bus, const char *name, char **ret_xml, char **ret_problem);
