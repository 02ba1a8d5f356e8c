/* SPDX-License-Identifier: MIT */
/* Samples as JSON.
 *
 * The first fields of each object, with their names, order and meaning, are devbox's oldest promise to its
 * clients and never change: cpu_percent, mem, disk, uptime_seconds of a system; name, active, state of a
 * service. Further fields may follow. Amounts are bytes. */

#include "sample/sample-json.h"

static void add_percent(Json *json, double percent)
{
        json_add_decimal(json, "percent", percent, 1);
}

static void add_disk(Json *json, const char *key, const DiskSample *disk)
{
        json_open_object(json, key);
        json_add_string(json, "path", disk->path);
        json_add_u64(json, "total", disk->total_bytes);
        json_add_u64(json, "used", disk_sample_used_bytes(disk));
        add_percent(json, disk_sample_percent(disk));
        json_add_u64(json, "available", disk->available_bytes);
        json_close_object(json);
}

static void add_memory(Json *json, const SystemSample *sample)
{
        json_open_object(json, "mem");
        json_add_u64(json, "total", sample->memory_total_bytes);
        json_add_u64(json, "used", system_sample_memory_used_bytes(sample));
        add_percent(json, system_sample_memory_percent(sample));
        json_add_u64(json, "available", sample->memory_available_bytes);
        json_close_object(json);
}

static void add_swap(Json *json, const SystemSample *sample)
{
        json_open_object(json, "swap");
        json_add_u64(json, "total", sample->swap_total_bytes);
        json_add_u64(json, "used", system_sample_swap_used_bytes(sample));
        add_percent(json, system_sample_swap_percent(sample));
        json_close_object(json);
}

static void add_load(Json *json, const SystemSample *sample)
{
        json_open_object(json, "load");
        json_add_decimal(json, "avg1", sample->load_1, 2);
        json_add_decimal(json, "avg5", sample->load_5, 2);
        json_add_decimal(json, "avg15", sample->load_15, 2);
        json_close_object(json);
}

static void add_network(Json *json, const NetworkSample *network)
{
        json_open_object(json, NULL);
        json_add_string(json, "device", network->device);
        json_add_u64(json, "receive_bytes", network->receive_bytes);
        json_add_u64(json, "receive_packets", network->receive_packets);
        json_add_u64(json, "receive_errors", network->receive_errors);
        json_add_u64(json, "receive_drops", network->receive_drops);
        json_add_u64(json, "transmit_bytes", network->transmit_bytes);
        json_add_u64(json, "transmit_packets", network->transmit_packets);
        json_add_u64(json, "transmit_errors", network->transmit_errors);
        json_add_u64(json, "transmit_drops", network->transmit_drops);
        json_close_object(json);
}

/* How long tasks have waited since boot: {"cpu":{"some_seconds":…},"memory":{…,"full_seconds":…},"io":{…}}.
 * The kinds of one resource follow each other in the enumeration. */
static void add_pressure(Json *json, const SystemSample *sample)
{
        const char *resource = NULL;

        if (!sample->has_pressure) {
                json_add_null(json, "pressure");
                return;
        }

        json_open_object(json, "pressure");
        for (int kind = 0; kind < _PRESSURE_KIND_MAX; kind++) {
                const char *its = pressure_kind_resource(kind);
                bool some = streq(pressure_kind_scope(kind), "some");

                if (!resource || !streq(resource, its)) {
                        if (resource)
                                json_close_object(json);
                        json_open_object(json, its);
                        resource = its;
                }
                json_add_decimal(json, some ? "some_seconds" : "full_seconds",
                                 (double) sample->pressure_usec[kind] / (double) USEC_PER_SEC, 6);
        }
        json_close_object(json);
        json_close_object(json);
}

static void add_unit(Json *json, const UnitSample *unit)
{
        bool active = unit_sample_active(unit);

        json_open_object(json, NULL);
        json_add_string(json, "name", unit->name);
        json_add_bool(json, "active", active);
        json_add_string(json, "state", unit_sample_state(unit));
        json_add_string(json, "unit", unit->id);
        json_add_string(json, "load_state", unit->load_state);
        json_add_string(json, "sub_state", unit->sub_state);
        json_add_time(json, "active_since", active ? unit->active_enter_at_usec : 0);
        json_close_object(json);
}

void system_sample_add_json(Json *json, const char *key, const SystemSample *sample)
{
        json_open_object(json, key);
        json_add_decimal(json, "cpu_percent", sample->cpu_percent, 1);
        add_memory(json, sample);
        if (sample->n_disks > 0)
                add_disk(json, "disk", &sample->disks[0]);
        else
                json_add_null(json, "disk");
        json_add_u64(json, "uptime_seconds", sample->uptime_usec / USEC_PER_SEC);

        json_add_time(json, "booted_at", sample->boot_at_usec);
        add_load(json, sample);
        add_swap(json, sample);

        json_open_array(json, "disks");
        for (size_t i = 0; i < sample->n_disks; i++)
                add_disk(json, NULL, &sample->disks[i]);
        json_close_array(json);

        json_open_array(json, "networks");
        for (size_t i = 0; i < sample->n_networks; i++)
                add_network(json, &sample->networks[i]);
        json_close_array(json);

        add_pressure(json, sample);
        json_close_object(json);
}

void unit_samples_add_json(Json *json, const char *key, const UnitSamples *samples)
{
        json_open_array(json, key);
        for (size_t i = 0; i < samples->n_units; i++)
                add_unit(json, &samples->units[i]);
        json_close_array(json);
}

int system_sample_to_json(const SystemSample *sample, char **ret_json, size_t *ret_size)
{
        _cleanup_(json_done) Json json = JSON_NULL;

        system_sample_add_json(&json, NULL, sample);
        return json_take(&json, ret_json, ret_size);
}

int unit_samples_to_json(const UnitSamples *samples, char **ret_json, size_t *ret_size)
{
        _cleanup_(json_done) Json json = JSON_NULL;

        json_open_object(&json, NULL);
        unit_samples_add_json(&json, "services", samples);
        json_close_object(&json);
        return json_take(&json, ret_json, ret_size);
}
