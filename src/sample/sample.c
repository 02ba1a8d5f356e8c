/* SPDX-License-Identifier: MIT */
/* What devbox-collector measures, as values. */

#include "sample/sample.h"

#include <math.h>

static const struct {
        const char *resource, *scope;
} pressure_kind_table[_PRESSURE_KIND_MAX] = {
        [PRESSURE_CPU_SOME] = { "cpu", "some" },       [PRESSURE_MEMORY_SOME] = { "memory", "some" },
        [PRESSURE_MEMORY_FULL] = { "memory", "full" }, [PRESSURE_IO_SOME] = { "io", "some" },
        [PRESSURE_IO_FULL] = { "io", "full" },
};

const char *pressure_kind_resource(PressureKind kind)
{
        assert(kind >= 0 && kind < _PRESSURE_KIND_MAX);

        return pressure_kind_table[kind].resource;
}

const char *pressure_kind_scope(PressureKind kind)
{
        assert(kind >= 0 && kind < _PRESSURE_KIND_MAX);

        return pressure_kind_table[kind].scope;
}

void system_sample_init(SystemSample *sample)
{
        /* All bits set is SAMPLE_UNKNOWN, and as a double not a number. */
        memset(sample, 0xff, sizeof *sample);

        sample->has_pressure = false;
        sample->n_disks = sample->n_networks = 0;
        for (size_t i = 0; i < SAMPLE_DISKS_MAX; i++)
                sample->disks[i].path = sample->disks[i].problem = NULL;
        for (size_t i = 0; i < SAMPLE_NETWORKS_MAX; i++)
                sample->networks[i].device = NULL;
}

void system_sample_done(SystemSample *sample)
{
        for (size_t i = 0; i < sample->n_disks; i++) {
                free(sample->disks[i].path);
                free(sample->disks[i].problem);
        }
        for (size_t i = 0; i < sample->n_networks; i++)
                free(sample->networks[i].device);

        *sample = (SystemSample){ 0 };
}

double percent_round(double percent)
{
        return round(percent * 10) / 10;
}

static uint64_t used_bytes(uint64_t total_bytes, uint64_t free_bytes)
{
        if (total_bytes == SAMPLE_UNKNOWN || free_bytes == SAMPLE_UNKNOWN)
                return SAMPLE_UNKNOWN;

        /* In a container of lxcfs, free can exceed the total. */
        return total_bytes - MIN(free_bytes, total_bytes);
}

static double percent(uint64_t part, uint64_t rest)
{
        double total = (double) part + (double) rest;

        if (part == SAMPLE_UNKNOWN || rest == SAMPLE_UNKNOWN)
                return NAN;

        return total > 0 ? percent_round(100.0 * (double) part / total) : 0;
}

uint64_t system_sample_memory_used_bytes(const SystemSample *sample)
{
        return used_bytes(sample->memory_total_bytes, sample->memory_available_bytes);
}

double system_sample_memory_percent(const SystemSample *sample)
{
        return percent(system_sample_memory_used_bytes(sample), sample->memory_available_bytes);
}

uint64_t system_sample_swap_used_bytes(const SystemSample *sample)
{
        return used_bytes(sample->swap_total_bytes, sample->swap_free_bytes);
}

double system_sample_swap_percent(const SystemSample *sample)
{
        return percent(system_sample_swap_used_bytes(sample), sample->swap_free_bytes);
}

uint64_t disk_sample_used_bytes(const DiskSample *disk)
{
        return used_bytes(disk->total_bytes, disk->free_bytes);
}

double disk_sample_percent(const DiskSample *disk)
{
        return percent(disk_sample_used_bytes(disk), disk->available_bytes);
}

void unit_samples_done(UnitSamples *samples)
{
        for (size_t i = 0; i < samples->n_units; i++) {
                UnitSample *unit = &samples->units[i];

                free(unit->name);
                free(unit->id);
                free(unit->load_state);
                free(unit->active_state);
                free(unit->sub_state);
        }

        *samples = (UnitSamples){ 0 };
}

/* The active ones first. */
const char *const unit_states[] = {
        "active", "refreshing", "reloading",   "activating", "deactivating",
        "failed", "inactive",   "maintenance", NULL,
};

#define N_ACTIVE_STATES 3

int unit_state_is_active(const char *active_state)
{
        for (size_t i = 0; unit_states[i]; i++)
                if (streq(unit_states[i], active_state))
                        return i < N_ACTIVE_STATES;

        return -EINVAL;
}

const char *unit_sample_state(const UnitSample *unit)
{
        /* A unit whose file was deleted while it runs is "not-found" and "active": it is active. */
        bool absent = streq(unit->load_state, "not-found") && streq(unit->active_state, "inactive");

        return absent ? "not-found" : unit->active_state;
}

void part_samples_done(PartSamples *samples)
{
        for (size_t i = 0; i < samples->n_parts; i++)
                free(samples->parts[i].name);

        *samples = (PartSamples){ 0 };
}
