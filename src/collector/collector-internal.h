/* SPDX-License-Identifier: MIT */
#pragma once

/* What bus.c and collector.c share. */

#include "collector/call.h"
#include "collector/collector.h"

/* Answers one call of org.devbox.Collector1, now or later. Returns as a vtable handler does. */
int collector_handle(Collector *collector, sd_bus_message *message, CallKind kind, sd_bus_error *error);

/* Adds org.devbox.Collector1 to the object at `path`. */
int collector_add_interface(Collector *collector, sd_bus *bus, const char *path, sd_bus_slot **ret_slot);
