/* SPDX-License-Identifier: MIT */
#pragma once

/* What devbox-collector measures, as values. collector/ measures them; field.c has their names on the bus,
 * in JSON and in the metrics. */

#include "basic/macro.h"
#include "basic/time.h"

#define SAMPLE_UNKNOWN UINT64_MAX /* a figure that could not be read; a double is then not a number */

#define SAMPLE_DISKS_MAX    16
#define SAMPLE_NETWORKS_MAX 64
#define SAMPLE_UNITS_MAX    64
#define SAMPLE_PARTS_MAX    4

/* The first eight columns of /proc/stat's `cpu` line, guest time in user and nice. Source: proc(5). */
typedef enum CpuMode {
        CPU_USER,
        CPU_NICE,
        CPU_SYSTEM,
        CPU_IDLE,
        CPU_IOWAIT,
        CPU_IRQ,
        CPU_SOFTIRQ,
        CPU_STEAL,
        _CPU_MODE_MAX,
} CpuMode;

typedef struct DiskSample {
        char *path;
        uint64_t total_bytes, free_bytes; /* free: root's reserve included */
        uint64_t available_bytes;         /* to users who are not root */
        char *problem; /* why they are unknown: "absent", "remote", "symlink", "timeout"; NULL: none */
} DiskSample;

typedef struct NetworkSample {
        char *device;
        uint64_t receive_bytes, receive_packets, receive_errors, receive_drops;
        uint64_t transmit_bytes, transmit_packets, transmit_errors, transmit_drops;
} NetworkSample;

typedef enum PressureKind {
        PRESSURE_CPU_SOME,
        PRESSURE_MEMORY_SOME,
        PRESSURE_MEMORY_FULL,
        PRESSURE_IO_SOME,
        PRESSURE_IO_FULL,
        _PRESSURE_KIND_MAX,
} PressureKind;

const char *pressure_kind_resource(PressureKind kind); /* "cpu", "memory", "io" */
const char *pressure_kind_scope(PressureKind kind);    /* "some", "full" */

typedef struct SystemSample {
        double cpu_percent;             /* 0..100, one decimal, over the last window */
        usec_t cpu_usec[_CPU_MODE_MAX]; /* since boot, all CPUs together */
        uint64_t memory_total_bytes, memory_available_bytes;
        uint64_t swap_total_bytes, swap_free_bytes;
        double load_1, load_5, load_15;
        usec_t uptime_usec;  /* CLOCK_BOOTTIME: counts suspend */
        usec_t boot_at_usec; /* CLOCK_REALTIME */
        bool has_pressure;   /* kernels without CONFIG_PSI have none */
        usec_t pressure_usec[_PRESSURE_KIND_MAX];
        size_t n_disks, n_networks;
        DiskSample disks[SAMPLE_DISKS_MAX]; /* one for each of the configuration, in its order */
        NetworkSample networks[SAMPLE_NETWORKS_MAX];
} SystemSample;

/* A sample without disks and networks, of which no figure is known. */
void system_sample_init(SystemSample *sample);

/* Frees the strings and leaves an empty sample. */
void system_sample_done(SystemSample *sample);

/* Derived figures, in one place so that HTTP, metrics and devboxctl agree; percent with one decimal, as
 * psutil has it. Unknown if one of those they are derived from is. */
uint64_t system_sample_memory_used_bytes(const SystemSample *sample); /* total - available */
double system_sample_memory_percent(const SystemSample *sample);
uint64_t system_sample_swap_used_bytes(const SystemSample *sample);
double system_sample_swap_percent(const SystemSample *sample); /* 0 without swap */
uint64_t disk_sample_used_bytes(const DiskSample *disk);
double disk_sample_percent(const DiskSample *disk); /* used / (used + available), as df(1) has it */
double percent_round(double percent);               /* one decimal */

typedef struct UnitSample {
        char *name;         /* as the configuration has it: "docker" */
        char *id;           /* systemd's primary name: "docker.service" */
        char *load_state;   /* "loaded", "not-found", "masked", … : org.freedesktop.systemd1(5) */
        char *active_state; /* one of unit_states, or one of a later systemd */
        char *sub_state;
        usec_t active_enter_at_usec; /* CLOCK_REALTIME; 0: never since boot */
        bool active;                 /* as systemd judges it */
} UnitSample;

typedef struct UnitSamples {
        size_t n_units;
        UnitSample units[SAMPLE_UNITS_MAX]; /* in the order of the configuration */
} UnitSamples;

void unit_samples_done(UnitSamples *samples);

extern const char *const unit_states[];                /* of systemd up to 257; ends with NULL */
int unit_state_is_active(const char *active_state);    /* 1, 0, or -EINVAL: none of unit_states */
const char *unit_sample_state(const UnitSample *unit); /* active_state, or "not-found" */

/* The last refresh of one part of the collector: "system", "services". */
typedef struct PartSample {
        char *name;
        bool success;
        usec_t refresh_usec;      /* its duration */
        usec_t refreshed_at_usec; /* CLOCK_REALTIME */
} PartSample;

typedef struct PartSamples {
        size_t n_parts;
        PartSample parts[SAMPLE_PARTS_MAX];
} PartSamples;

void part_samples_done(PartSamples *samples);
