/* SPDX-License-Identifier: MIT */
#pragma once

/* Samples on D-Bus, as dbus/org.devbox.Collector1.xml describes them. */

#include <systemd/sd-bus.h>

#include "sample/sample.h"

/* For at least this long after a call for units, UnitsChanged reports every change of them. */
#define UNITS_WATCH_USEC (30 * USEC_PER_SEC)

/* Each appends one value of the signature at its end: a{sv}, aa{sv}, aa{sv}. */
int system_sample_append(sd_bus_message *message, const SystemSample *sample);
int unit_samples_append(sd_bus_message *message, const UnitSamples *samples);
int part_samples_append(sd_bus_message *message, const PartSamples *samples);

/* Each reads one such value; the caller frees the sample with its `_done`. Unknown keys are skipped, so that
 * an older client understands a newer collector; a figure without a key is unknown. Errors: -EBADMSG a value
 * of another type, more rows than a sample holds, or a row without one of its strings; -ENOMEM. */
int system_sample_read(sd_bus_message *message, SystemSample *ret_sample);
int unit_samples_read(sd_bus_message *message, UnitSamples *ret_samples);
int part_samples_read(sd_bus_message *message, PartSamples *ret_samples);
