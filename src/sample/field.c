/* SPDX-License-Identifier: MIT */
/* The field tables of a system sample. */

#include "sample/field.h"

#include <math.h>

static uint64_t memory_used(const void *sample)
{
        return system_sample_memory_used_bytes(sample);
}

static double memory_percent(const void *sample)
{
        return system_sample_memory_percent(sample);
}

static uint64_t swap_used(const void *sample)
{
        return system_sample_swap_used_bytes(sample);
}

static double swap_percent(const void *sample)
{
        return system_sample_swap_percent(sample);
}

static uint64_t disk_used(const void *disk)
{
        return disk_sample_used_bytes(disk);
}

static double disk_percent(const void *disk)
{
        return disk_sample_percent(disk);
}

static uint64_t disk_has_problem(const void *disk)
{
        return !!((const DiskSample *) disk)->problem;
}

/* clang-format off */
#define MEMBER(in, type, member) { #member, type, offsetof(in, member), BUS_IF_KNOWN }
#define STRING(in, member)       { #member, BUS_STRING, offsetof(in, member), BUS_REQUIRED }

/* ---- a disk */

#define DISK(member) MEMBER(DiskSample, BUS_UINT64, member)

static const SampleField disk_fields[] = {
        { STRING(DiskSample, path), FIELD_STRING, "path" },
        { DISK(total_bytes),        FIELD_COUNT,  "total", "devbox_filesystem_size_bytes" },
        { DISK(free_bytes),         FIELD_COUNT,  NULL,    "devbox_filesystem_free_bytes" },
        { .kind = FIELD_COUNT,   .json = "used",    .u64 = disk_used },
        { .kind = FIELD_PERCENT, .json = "percent", .percent = disk_percent },
        { DISK(available_bytes),    FIELD_COUNT,  "available", "devbox_filesystem_avail_bytes" },
        { { "problem", BUS_STRING, offsetof(DiskSample, problem), BUS_OPTIONAL }, FIELD_STRING, "problem" },
        { .kind = FIELD_COUNT, .u64 = disk_has_problem, .metric = "devbox_filesystem_device_error" },
};

static const FieldTable disk_table = { disk_fields, ELEMENTSOF(disk_fields), "mountpoint" };
static const BusDictionary disk_dictionary = BUS_DICTIONARY_OF(disk_fields, bus);
static const BusRows disk_rows = { &disk_dictionary, sizeof(DiskSample), SAMPLE_DISKS_MAX };

/* ---- a network device */

#define NETWORK(member) \
        { MEMBER(NetworkSample, BUS_UINT64, member), FIELD_COUNT, #member, \
          "devbox_network_" #member "_total" }

static const SampleField network_fields[] = {
        { STRING(NetworkSample, device), FIELD_STRING, "device" },
        NETWORK(receive_bytes),
        NETWORK(receive_packets),
        NETWORK(receive_errors),
        NETWORK(receive_drops),
        NETWORK(transmit_bytes),
        NETWORK(transmit_packets),
        NETWORK(transmit_errors),
        NETWORK(transmit_drops),
};

static const FieldTable network_table = { network_fields, ELEMENTSOF(network_fields), "device" };
static const BusDictionary network_dictionary = BUS_DICTIONARY_OF(network_fields, bus);
static const BusRows network_rows = { &network_dictionary, sizeof(NetworkSample), SAMPLE_NETWORKS_MAX };

/* ---- the system */

#define UINT64(member) MEMBER(SystemSample, BUS_UINT64, member)
#define DOUBLE(member) MEMBER(SystemSample, BUS_DOUBLE, member)
#define ROWS(key, array, rows) \
        { key, BUS_ROWS, offsetof(SystemSample, array), 0, offsetof(SystemSample, n_##array), rows }

#define CPU(mode, index) \
        { { "cpu_" mode "_usec", BUS_UINT64, offsetof(SystemSample, cpu_usec[index]), BUS_IF_KNOWN }, \
          FIELD_DURATION, NULL, "devbox_cpu_seconds_total", { { "mode", mode } } }

#define PRESSURE(resource, scope, index) \
        { { "pressure_" resource "_" scope "_usec", BUS_UINT64, \
            offsetof(SystemSample, pressure_usec[index]), BUS_IF_KNOWN }, \
          FIELD_DURATION, "pressure." resource "." scope "_seconds", \
          "devbox_pressure_seconds_total", { { "resource", resource }, { "scope", scope } }, \
          .present = offsetof(SystemSample, has_pressure) }

static const SampleField system_fields[] = {
        { DOUBLE(cpu_percent), FIELD_PERCENT, "cpu_percent", "devbox_cpu_usage_ratio" },
        CPU("user",    CPU_USER),
        CPU("nice",    CPU_NICE),
        CPU("system",  CPU_SYSTEM),
        CPU("idle",    CPU_IDLE),
        CPU("iowait",  CPU_IOWAIT),
        CPU("irq",     CPU_IRQ),
        CPU("softirq", CPU_SOFTIRQ),
        CPU("steal",   CPU_STEAL),

        { UINT64(memory_total_bytes),     FIELD_COUNT,   "mem.total",     "devbox_memory_total_bytes" },
        { .kind = FIELD_COUNT,   .json = "mem.used",     .u64 = memory_used },
        { .kind = FIELD_PERCENT, .json = "mem.percent",  .percent = memory_percent },
        { UINT64(memory_available_bytes), FIELD_COUNT,   "mem.available", "devbox_memory_available_bytes" },

        { UINT64(swap_total_bytes),       FIELD_COUNT,   "swap.total",    "devbox_swap_total_bytes" },
        { UINT64(swap_free_bytes),        FIELD_COUNT,   NULL,            "devbox_swap_free_bytes" },
        { .kind = FIELD_COUNT,   .json = "swap.used",    .u64 = swap_used },
        { .kind = FIELD_PERCENT, .json = "swap.percent", .percent = swap_percent },

        { DOUBLE(load_1),  FIELD_LOAD, "load.avg1",  "devbox_load1" },
        { DOUBLE(load_5),  FIELD_LOAD, "load.avg5",  "devbox_load5" },
        { DOUBLE(load_15), FIELD_LOAD, "load.avg15", "devbox_load15" },

        { UINT64(uptime_usec),  FIELD_UPTIME,    "uptime_seconds" },
        { UINT64(boot_at_usec), FIELD_TIMESTAMP, "booted_at", "devbox_boot_time_seconds" },

        { MEMBER(SystemSample, BUS_BOOL, has_pressure), FIELD_PRESENT, "pressure" },
        PRESSURE("cpu",    "some", PRESSURE_CPU_SOME),
        PRESSURE("memory", "some", PRESSURE_MEMORY_SOME),
        PRESSURE("memory", "full", PRESSURE_MEMORY_FULL),
        PRESSURE("io",     "some", PRESSURE_IO_SOME),
        PRESSURE("io",     "full", PRESSURE_IO_FULL),

        { ROWS(NULL, disks, &disk_rows),             FIELD_FIRST_ROW, "disk",     .table = &disk_table },
        { ROWS("disks", disks, &disk_rows),          FIELD_ROWS,      "disks",    .table = &disk_table },
        { ROWS("networks", networks, &network_rows), FIELD_ROWS,      "networks", .table = &network_table },
};

const FieldTable system_table = { system_fields, ELEMENTSOF(system_fields), NULL };
const BusDictionary system_dictionary = BUS_DICTIONARY_OF(system_fields, bus);

const char *const system_json_order[] = {
        "cpu_percent", "mem", "disk", "uptime_seconds", /* promised from the beginning; others only follow */
        "booted_at", "load", "swap", "disks", "networks", "pressure", NULL,
};

const PrometheusFamily system_families[] = {
        { "devbox_boot_time_seconds", "gauge", "Boot time of the machine, seconds since the epoch." },
        { "devbox_cpu_seconds_total", "counter",
          "Seconds all CPUs together spent in each mode since boot; kept for api.cache_ttl_ms." },
        { "devbox_cpu_usage_ratio", "gauge",
          "Share of CPU time not idle and not waiting for I/O over the collector's last window; /system's "
          "cpu_percent / 100." },
        { "devbox_memory_total_bytes", "gauge", "MemTotal of /proc/meminfo." },
        { "devbox_memory_available_bytes", "gauge", "MemAvailable of /proc/meminfo." },
        { "devbox_swap_total_bytes", "gauge", "SwapTotal of /proc/meminfo." },
        { "devbox_swap_free_bytes", "gauge", "SwapFree of /proc/meminfo." },
        { "devbox_load1", "gauge", "Load average over 1 minute." },
        { "devbox_load5", "gauge", "Load average over 5 minutes." },
        { "devbox_load15", "gauge", "Load average over 15 minutes." },
        { "devbox_filesystem_size_bytes", "gauge", "Size of the filesystem." },
        { "devbox_filesystem_free_bytes", "gauge",
          "Free space of the filesystem, root's reserve included." },
        { "devbox_filesystem_avail_bytes", "gauge",
          "Space of the filesystem available to users who are not root." },
        { "devbox_filesystem_device_error", "gauge",
          "Whether the filesystem could not be read, or did not answer in time." },
        { "devbox_network_receive_bytes_total", "counter", "Bytes received." },
        { "devbox_network_receive_packets_total", "counter", "Packets received." },
        { "devbox_network_receive_errors_total", "counter", "Errors of receiving." },
        { "devbox_network_receive_drops_total", "counter", "Packets dropped while receiving." },
        { "devbox_network_transmit_bytes_total", "counter", "Bytes sent." },
        { "devbox_network_transmit_packets_total", "counter", "Packets sent." },
        { "devbox_network_transmit_errors_total", "counter", "Errors of sending." },
        { "devbox_network_transmit_drops_total", "counter", "Packets dropped while sending." },
        { "devbox_pressure_seconds_total", "counter",
          "Time in which some, or all (full), tasks waited for the resource: /proc/pressure." },
        { NULL },
};
/* clang-format on */

static const void *member(const SampleField *field, const void *record)
{
        return (const char *) record + field->bus.offset;
}

bool field_present(const SampleField *field, const void *record)
{
        return field->present == 0 || *((const bool *) record + field->present);
}

uint64_t field_u64(const SampleField *field, const void *record)
{
        return field->u64 ? field->u64(record) : *(const uint64_t *) member(field, record);
}

double field_double(const SampleField *field, const void *record)
{
        return field->percent ? field->percent(record) : *(const double *) member(field, record);
}

bool field_bool(const SampleField *field, const void *record)
{
        return *(const bool *) member(field, record);
}

bool field_known(const SampleField *field, const void *record)
{
        switch (field->kind) {
        case FIELD_PERCENT:
        case FIELD_LOAD:
                return !isnan(field_double(field, record));
        case FIELD_COUNT:
        case FIELD_UPTIME:
        case FIELD_DURATION:
        case FIELD_TIMESTAMP:
                return field_u64(field, record) != SAMPLE_UNKNOWN;
        default:
                return true;
        }
}

const char *field_string(const SampleField *field, const void *record)
{
        return *(const char *const *) member(field, record);
}

const void *field_row(const SampleField *field, const void *record, size_t i)
{
        size_t n_rows = *(const size_t *) ((const char *) record + field->bus.size);

        return i < n_rows ? (const char *) member(field, record) + i * field->bus.rows->row_size : NULL;
}

bool field_row_known(const FieldTable *table, const void *row)
{
        for (size_t i = 0; i < table->n_fields; i++)
                if (table->fields[i].kind == FIELD_COUNT && table->fields[i].bus.key &&
                    field_known(&table->fields[i], row))
                        return true;

        return false;
}
