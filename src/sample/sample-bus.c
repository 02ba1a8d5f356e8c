/* SPDX-License-Identifier: MIT */
/* Samples on D-Bus, as dbus/org.devbox.Collector1.xml describes them. */

#include "sample/sample-bus.h"

#include "sample/field.h"

static const BusField unit_fields[] = {
        BUS_FIELD("name", BUS_STRING, UnitSample, name, BUS_REQUIRED),
        BUS_FIELD("id", BUS_STRING, UnitSample, id, BUS_REQUIRED),
        BUS_FIELD("load_state", BUS_STRING, UnitSample, load_state, BUS_REQUIRED),
        BUS_FIELD("active_state", BUS_STRING, UnitSample, active_state, BUS_REQUIRED),
        BUS_FIELD("sub_state", BUS_STRING, UnitSample, sub_state, BUS_REQUIRED),
        BUS_FIELD("active", BUS_BOOL, UnitSample, active),
        BUS_FIELD("active_enter_at_usec", BUS_UINT64, UnitSample, active_enter_at_usec),
};
static const BusDictionary unit_dictionary = BUS_DICTIONARY(unit_fields);
static const BusRows unit_rows = { &unit_dictionary, sizeof(UnitSample), SAMPLE_UNITS_MAX };

static const BusField part_fields[] = {
        BUS_FIELD("name", BUS_STRING, PartSample, name, BUS_REQUIRED),
        BUS_FIELD("success", BUS_BOOL, PartSample, success),
        BUS_FIELD("refresh_usec", BUS_UINT64, PartSample, refresh_usec),
        BUS_FIELD("refreshed_at_usec", BUS_UINT64, PartSample, refreshed_at_usec),
};
static const BusDictionary part_dictionary = BUS_DICTIONARY(part_fields);
static const BusRows part_rows = { &part_dictionary, sizeof(PartSample), SAMPLE_PARTS_MAX };

int system_sample_append(sd_bus_message *message, const SystemSample *sample)
{
        return bus_dictionary_append(message, &system_dictionary, sample);
}

int unit_samples_append(sd_bus_message *message, const UnitSamples *samples)
{
        return bus_rows_append(message, &unit_rows, samples->units, samples->n_units);
}

int part_samples_append(sd_bus_message *message, const PartSamples *samples)
{
        return bus_rows_append(message, &part_rows, samples->parts, samples->n_parts);
}

int system_sample_read(sd_bus_message *message, SystemSample *ret_sample)
{
        SystemSample sample;

        system_sample_init(&sample);
        int r = bus_dictionary_read(message, &system_dictionary, &sample);
        if (r < 0) {
                system_sample_done(&sample);
                return r;
        }

        *ret_sample = sample;
        return 0;
}

int unit_samples_read(sd_bus_message *message, UnitSamples *ret_samples)
{
        UnitSamples samples = { 0 };

        int r = bus_rows_read(message, &unit_rows, samples.units, &samples.n_units);
        if (r < 0) {
                unit_samples_done(&samples);
                return r;
        }

        *ret_samples = samples;
        return 0;
}

int part_samples_read(sd_bus_message *message, PartSamples *ret_samples)
{
        PartSamples samples = { 0 };

        int r = bus_rows_read(message, &part_rows, samples.parts, &samples.n_parts);
        if (r < 0) {
                part_samples_done(&samples);
                return r;
        }

        *ret_samples = samples;
        return 0;
}
