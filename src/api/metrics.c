/* SPDX-License-Identifier: MIT */
/* GET /metrics.
 *
 * A family is a row: name, type, help, and who generates its samples. Its head is written with its first
 * sample, so that a family without samples is absent. Units of measure are base units and stand in the
 * names; labels come from the configuration, from the kernel's device names and from our own tables, never
 * from a client. */

#include "api/metrics.h"

#include <inttypes.h>
#include <stdio.h>

#include "api/revision.h"
#include "basic/text.h"

typedef struct Writer Writer;

typedef struct Family {
        const char *name, *type, *help;
        void (*generate)(Writer *writer, const MetricsSource *source);
} Family;

struct Writer {
        Text text;
        const Family *family; /* NULL once its head is written */
        const char *name;
};

typedef struct Label {
        const char *name, *value;
} Label;

#define LABELS(...) ((const Label[]){ __VA_ARGS__, { NULL, NULL } })
#define NO_LABELS   ((const Label[]){ { NULL, NULL } })

static void write_label_value(Text *text, const char *value)
{
        for (const char *at = value; *at; at++)
                switch (*at) {
                case '\\':
                        text_append(text, "\\\\");
                        break;
                case '"':
                        text_append(text, "\\\"");
                        break;
                case '\n':
                        text_append(text, "\\n");
                        break;
                default:
                        text_append_bytes(text, at, 1);
                }
}

static void write_name(Writer *writer, const Label *labels)
{
        const Family *family = TAKE_PTR(writer->family);
        Text *text = &writer->text;

        if (family)
                text_appendf(text, "# HELP %s %s\n# TYPE %s %s\n", family->name, family->help, family->name,
                             family->type);

        text_append(text, writer->name);
        for (const Label *label = labels; label->name; label++) {
                text_appendf(text, "%s%s=\"", label == labels ? "{" : ",", label->name);
                write_label_value(text, label->value);
                text_append(text, "\"");
        }
        text_append(text, labels->name ? "} " : " ");
}

static void add_u64(Writer *writer, const Label *labels, uint64_t value)
{
        write_name(writer, labels);
        text_appendf(&writer->text, "%" PRIu64 "\n", value);
}

static void add_double(Writer *writer, const Label *labels, double value)
{
        write_name(writer, labels);
        text_appendf(&writer->text, "%.15g\n", value);
}

/* Exactly, also for points in time, for which a double is just too short. */
static void add_usec(Writer *writer, const Label *labels, usec_t value)
{
        write_name(writer, labels);
        text_appendf(&writer->text, "%" PRIu64 ".%06" PRIu64 "\n", value / USEC_PER_SEC,
                     value % USEC_PER_SEC);
}

/* ---- the machine */

static void boot_time(Writer *writer, const MetricsSource *source)
{
        if (source->system)
                add_usec(writer, NO_LABELS, source->system->boot_at_usec);
}

static void cpu_seconds(Writer *writer, const MetricsSource *source)
{
        for (CpuMode mode = 0; source->system && mode < _CPU_MODE_MAX; mode++)
                add_usec(writer, LABELS({ "mode", cpu_mode_to_string(mode) }),
                         source->system->cpu_usec[mode]);
}

static void cpu_usage(Writer *writer, const MetricsSource *source)
{
        if (source->system)
                add_double(writer, NO_LABELS, source->system->cpu_percent / 100);
}

/* Families that are one figure of the sample. */
#define SYSTEM_FIGURE(function, add, member)                                                                \
        static void function(Writer *writer, const MetricsSource *source)                                   \
        {                                                                                                   \
                if (source->system)                                                                         \
                        add(writer, NO_LABELS, source->system->member);                                     \
        }

SYSTEM_FIGURE(memory_total, add_u64, memory_total_bytes)
SYSTEM_FIGURE(memory_available, add_u64, memory_available_bytes)
SYSTEM_FIGURE(swap_total, add_u64, swap_total_bytes)
SYSTEM_FIGURE(swap_free, add_u64, swap_free_bytes)
SYSTEM_FIGURE(load_1, add_double, load_1)
SYSTEM_FIGURE(load_5, add_double, load_5)
SYSTEM_FIGURE(load_15, add_double, load_15)

#define DISK_FIGURE(function, member)                                                                       \
        static void function(Writer *writer, const MetricsSource *source)                                   \
        {                                                                                                   \
                for (size_t i = 0; source->system && i < source->system->n_disks; i++)                      \
                        add_u64(writer, LABELS({ "mountpoint", source->system->disks[i].path }),            \
                                source->system->disks[i].member);                                           \
        }

DISK_FIGURE(filesystem_size, total_bytes)
DISK_FIGURE(filesystem_free, free_bytes)
DISK_FIGURE(filesystem_avail, available_bytes)

#define NETWORK_FIGURE(member)                                                                              \
        static void network_##member(Writer *writer, const MetricsSource *source)                           \
        {                                                                                                   \
                for (size_t i = 0; source->system && i < source->system->n_networks; i++)                   \
                        add_u64(writer, LABELS({ "device", source->system->networks[i].device }),           \
                                source->system->networks[i].member);                                        \
        }

NETWORK_FIGURE(receive_bytes)
NETWORK_FIGURE(receive_packets)
NETWORK_FIGURE(receive_errors)
NETWORK_FIGURE(receive_drops)
NETWORK_FIGURE(transmit_bytes)
NETWORK_FIGURE(transmit_packets)
NETWORK_FIGURE(transmit_errors)
NETWORK_FIGURE(transmit_drops)

static void pressure(Writer *writer, const MetricsSource *source)
{
        if (!source->system || !source->system->has_pressure)
                return;

        for (PressureKind kind = 0; kind < _PRESSURE_KIND_MAX; kind++)
                add_usec(writer,
                         LABELS({ "resource", pressure_kind_resource(kind) },
                                { "scope", pressure_kind_scope(kind) }),
                         source->system->pressure_usec[kind]);
}

/* ---- the units */

/* "ssh.service" is of the type "service". */
static const char *unit_type(const UnitSample *unit)
{
        const char *dot = strrchr(unit->id, '.');

        return dot ? dot + 1 : "";
}

/* The next unit after `unit` (NULL: the first), or NULL. Two configured names may mean one unit: its figures
 * are told once. */
static const UnitSample *next_unit(const MetricsSource *source, const UnitSample *unit)
{
        const UnitSample *first, *end, *earlier;

        if (!source->units)
                return NULL;

        first = source->units->units;
        end = first + source->units->n_units;
        for (unit = unit ? unit + 1 : first; unit < end; unit++) {
                for (earlier = first; earlier < unit && !streq(earlier->id, unit->id); earlier++)
                        ;
                if (earlier == unit)
                        return unit;
        }

        return NULL;
}

static void unit_state(Writer *writer, const MetricsSource *source)
{
        /* All that systemd knows: org.freedesktop.systemd1(5), ActiveState. */
        static const char *const states[] = { "activating", "active",      "deactivating", "failed",
                                              "inactive",   "maintenance", "reloading" };
        const UnitSample *unit = NULL;

        while ((unit = next_unit(source, unit))) {
                if (streq(unit_sample_state(unit), "not-found"))
                        continue;
                for (size_t j = 0; j < ELEMENTSOF(states); j++)
                        add_u64(writer,
                                LABELS({ "name", unit->id }, { "type", unit_type(unit) },
                                       { "state", states[j] }),
                                streq(unit->active_state, states[j]));
        }
}

static void unit_loaded(Writer *writer, const MetricsSource *source)
{
        const UnitSample *unit = NULL;

        while ((unit = next_unit(source, unit)))
                add_u64(writer, LABELS({ "name", unit->id }, { "type", unit_type(unit) }),
                        streq(unit->load_state, "loaded"));
}

static void unit_start_time(Writer *writer, const MetricsSource *source)
{
        const UnitSample *unit = NULL;

        while ((unit = next_unit(source, unit)))
                if (streq(unit->load_state, "loaded"))
                        add_usec(writer, LABELS({ "name", unit->id }, { "type", unit_type(unit) }),
                                 unit->active_enter_at_usec);
}

/* ---- devbox itself */

static void build_info(Writer *writer, const MetricsSource *source)
{
        add_u64(writer, LABELS({ "version", DEVBOX_VERSION }, { "revision", DEVBOX_REVISION }), 1);
}

static void collector_up(Writer *writer, const MetricsSource *source)
{
        add_u64(writer, NO_LABELS, !!source->parts);
}

static void collector_success(Writer *writer, const MetricsSource *source)
{
        for (size_t i = 0; source->parts && i < source->parts->n_parts; i++)
                add_u64(writer, LABELS({ "collector", source->parts->parts[i].name }),
                        source->parts->parts[i].success);
}

static void collector_refresh(Writer *writer, const MetricsSource *source)
{
        for (size_t i = 0; source->parts && i < source->parts->n_parts; i++)
                add_usec(writer, LABELS({ "collector", source->parts->parts[i].name }),
                         source->parts->parts[i].refresh_usec);
}

static void collector_refresh_time(Writer *writer, const MetricsSource *source)
{
        for (size_t i = 0; source->parts && i < source->parts->n_parts; i++)
                add_usec(writer, LABELS({ "collector", source->parts->parts[i].name }),
                         source->parts->parts[i].refreshed_at_usec);
}

static void dbus_calls(Writer *writer, const MetricsSource *source)
{
        add_u64(writer, NO_LABELS, source->collector->calls_total);
}

static void dbus_failures(Writer *writer, const MetricsSource *source)
{
        add_u64(writer, NO_LABELS, source->collector->failed_total);
}

static void http_requests(Writer *writer, const MetricsSource *source)
{
        bool last = false;

        for (size_t i = 0; !last; i++) {
                last = !source->routes[i].method;
                for (size_t j = 0; j < COUNTERS_STATUSES_MAX; j++) {
                        char code[16];

                        if (source->counters->answers[i][j] == 0)
                                continue;
                        (void) snprintf(code, sizeof code, "%u", source->counters->statuses[j]);
                        add_u64(writer,
                                LABELS({ "route", last ? "other" : source->routes[i].path },
                                       { "method", last ? "other" : source->routes[i].method },
                                       { "code", code }),
                                source->counters->answers[i][j]);
                }
        }
}

#define HTTP_FIGURE(function, member)                                                                       \
        static void function(Writer *writer, const MetricsSource *source)                                   \
        {                                                                                                   \
                add_u64(writer, NO_LABELS, source->http->member);                                           \
        }

HTTP_FIGURE(http_connections, n_connections)
HTTP_FIGURE(http_connections_total, connections_total)
HTTP_FIGURE(http_connections_cut, expired_total)
HTTP_FIGURE(http_connections_at_limit, at_limit_total)
HTTP_FIGURE(http_malformed, malformed_total)

static void cache_hits(Writer *writer, const MetricsSource *source)
{
        for (unsigned key = 0; source->cache_keys[key]; key++)
                add_u64(writer, LABELS({ "key", source->cache_keys[key] }),
                        cache_stats(source->cache, key)->hits);
}

static void cache_misses(Writer *writer, const MetricsSource *source)
{
        for (unsigned key = 0; source->cache_keys[key]; key++)
                add_u64(writer, LABELS({ "key", source->cache_keys[key] }),
                        cache_stats(source->cache, key)->misses);
}

static void actions(Writer *writer, const MetricsSource *source)
{
        for (ActionKind kind = ACTION_NONE + 1; kind < _ACTION_KIND_MAX; kind++)
                for (ActionOutcome outcome = 0; outcome < _ACTION_OUTCOME_MAX; outcome++)
                        add_u64(writer,
                                LABELS({ "action", action_kind_to_string(kind) },
                                       { "outcome", action_outcome_to_string(outcome) }),
                                source->counters->actions[kind][outcome]);
}

static void process_cpu(Writer *writer, const MetricsSource *source)
{
        if (source->process)
                add_usec(writer, NO_LABELS, source->process->cpu_usec);
}

static void process_start_time(Writer *writer, const MetricsSource *source)
{
        add_usec(writer, NO_LABELS, source->started_at_usec);
}

#define PROCESS_FIGURE(function, member)                                                                    \
        static void function(Writer *writer, const MetricsSource *source)                                   \
        {                                                                                                   \
                if (source->process)                                                                        \
                        add_u64(writer, NO_LABELS, source->process->member);                                \
        }

PROCESS_FIGURE(process_max_fds, max_fds)
PROCESS_FIGURE(process_open_fds, open_fds)
PROCESS_FIGURE(process_resident, resident_bytes)
PROCESS_FIGURE(process_virtual, virtual_bytes)

#define KEPT "; kept for api.cache_ttl_ms"

/* clang-format off */
static const Family families[] = {
        { "devbox_build_info", "gauge",
          "A metric with a constant '1' value labeled by version and revision of devbox.", build_info },
        { "devbox_boot_time_seconds", "gauge",
          "Boot time of the machine, seconds since the epoch.", boot_time },
        { "devbox_cpu_seconds_total", "counter",
          "Seconds all CPUs together spent in each mode since boot" KEPT ".", cpu_seconds },
        { "devbox_cpu_usage_ratio", "gauge",
          "Share of CPU time not idle and not waiting for I/O over the collector's last window; "
          "/system's cpu_percent / 100.", cpu_usage },
        { "devbox_memory_total_bytes", "gauge", "MemTotal of /proc/meminfo.", memory_total },
        { "devbox_memory_available_bytes", "gauge", "MemAvailable of /proc/meminfo.", memory_available },
        { "devbox_swap_total_bytes", "gauge", "SwapTotal of /proc/meminfo.", swap_total },
        { "devbox_swap_free_bytes", "gauge", "SwapFree of /proc/meminfo.", swap_free },
        { "devbox_load1", "gauge", "Load average over 1 minute.", load_1 },
        { "devbox_load5", "gauge", "Load average over 5 minutes.", load_5 },
        { "devbox_load15", "gauge", "Load average over 15 minutes.", load_15 },
        { "devbox_filesystem_size_bytes", "gauge", "Size of the filesystem.", filesystem_size },
        { "devbox_filesystem_free_bytes", "gauge",
          "Free space of the filesystem, root's reserve included.", filesystem_free },
        { "devbox_filesystem_avail_bytes", "gauge",
          "Space of the filesystem available to users who are not root.", filesystem_avail },
        { "devbox_network_receive_bytes_total", "counter", "Bytes received.", network_receive_bytes },
        { "devbox_network_receive_packets_total", "counter", "Packets received.", network_receive_packets },
        { "devbox_network_receive_errors_total", "counter", "Errors of receiving.", network_receive_errors },
        { "devbox_network_receive_drops_total", "counter",
          "Packets dropped while receiving.", network_receive_drops },
        { "devbox_network_transmit_bytes_total", "counter", "Bytes sent.", network_transmit_bytes },
        { "devbox_network_transmit_packets_total", "counter", "Packets sent.", network_transmit_packets },
        { "devbox_network_transmit_errors_total", "counter", "Errors of sending.", network_transmit_errors },
        { "devbox_network_transmit_drops_total", "counter",
          "Packets dropped while sending.", network_transmit_drops },
        { "devbox_pressure_seconds_total", "counter",
          "Time in which some, or all (full), tasks waited for the resource: /proc/pressure.", pressure },
        { "devbox_unit_state", "gauge",
          "Whether the configured systemd unit is in the state" KEPT ".", unit_state },
        { "devbox_unit_loaded", "gauge",
          "Whether systemd found the configured unit (LoadState loaded).", unit_loaded },
        { "devbox_unit_start_time_seconds", "gauge",
          "When the unit became active last, seconds since the epoch; 0 if never.", unit_start_time },
        { "devbox_collector_up", "gauge",
          "Whether devbox-collector answered for this scrape.", collector_up },
        { "devbox_collector_success", "gauge",
          "Whether the part of the collector gathered its data at its last refresh.", collector_success },
        { "devbox_collector_refresh_seconds", "gauge", "Duration of the last refresh.", collector_refresh },
        { "devbox_collector_refresh_time_seconds", "gauge",
          "When the data of this scrape was gathered, seconds since the epoch; at most the TTL ago.",
          collector_refresh_time },
        { "devbox_dbus_calls_total", "counter", "Calls of devbox-api to devbox-collector.", dbus_calls },
        { "devbox_dbus_call_failures_total", "counter",
          "Calls of devbox-api to devbox-collector that brought an error.", dbus_failures },
        { "devbox_http_requests_total", "counter",
          "Requests answered, by route, method and status code; every unknown path is route 'other'.",
          http_requests },
        { "devbox_http_connections", "gauge", "Connections now open.", http_connections },
        { "devbox_http_connections_total", "counter", "Connections accepted.", http_connections_total },
        { "devbox_http_connections_cut_total", "counter",
          "Connections closed because the client was too slow or silent for too long.",
          http_connections_cut },
        { "devbox_http_connections_crowded_total", "counter",
          "Times all connections of a listening socket were taken, so that clients had to wait.",
          http_connections_at_limit },
        { "devbox_http_malformed_total", "counter",
          "Requests that could not be read: bad request lines, too large headers.", http_malformed },
        { "devbox_cache_hits_total", "counter", "Answers given from the cache.", cache_hits },
        { "devbox_cache_misses_total", "counter", "Answers that had to be fetched.", cache_misses },
        { "devbox_actions_total", "counter", "Action requests by outcome.", actions },
        { "process_cpu_seconds_total", "counter",
          "Total user and system CPU time spent in seconds, by devbox-api.", process_cpu },
        { "process_max_fds", "gauge",
          "Maximum number of open file descriptors of devbox-api.", process_max_fds },
        { "process_open_fds", "gauge", "Number of open file descriptors of devbox-api.", process_open_fds },
        { "process_resident_memory_bytes", "gauge",
          "Resident memory size of devbox-api in bytes.", process_resident },
        { "process_start_time_seconds", "gauge",
          "Start time of devbox-api, seconds since the epoch.", process_start_time },
        { "process_virtual_memory_bytes", "gauge",
          "Virtual memory size of devbox-api in bytes.", process_virtual },
};
/* clang-format on */

int metrics_render(const MetricsSource *source, char **ret_text, size_t *ret_size)
{
        Writer writer = { .text = TEXT_NULL };

        for (size_t i = 0; i < ELEMENTSOF(families); i++) {
                writer.family = &families[i];
                writer.name = families[i].name;
                families[i].generate(&writer, source);
        }

        int r = text_take(&writer.text, ret_text, ret_size);
        text_done(&writer.text);
        return r;
}
