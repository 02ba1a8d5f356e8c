/* SPDX-License-Identifier: MIT */
/* devboxctl system: the machine in figures. */

#include <inttypes.h>

#include "ctl/print.h"
#include "ctl/status/collector-client.h"
#include "ctl/verbs.h"
#include "sample/sample-json.h"

static void add_figures(Table *table, const SystemSample *sample)
{
        char used[FIGURE_MAX], total[FIGURE_MAX], percent[FIGURE_MAX], span[FIGURE_MAX];
        char load_1[FIGURE_MAX], load_5[FIGURE_MAX], load_15[FIGURE_MAX];

        table_add(table, STYLE_HEAD, "cpu");
        table_add(table, STYLE_PLAIN, "%s", format_percent(percent, sample->cpu_percent));
        table_add(table, STYLE_PLAIN, "%s", "");

        table_add(table, STYLE_HEAD, "memory");
        table_add(table, STYLE_PLAIN, "%s", format_percent(percent, system_sample_memory_percent(sample)));
        table_add(table, STYLE_PLAIN, "%s of %s",
                  format_bytes(used, system_sample_memory_used_bytes(sample)),
                  format_bytes(total, sample->memory_total_bytes));

        table_add(table, STYLE_HEAD, "swap");
        table_add(table, STYLE_PLAIN, "%s", format_percent(percent, system_sample_swap_percent(sample)));
        table_add(table, STYLE_PLAIN, "%s of %s", format_bytes(used, system_sample_swap_used_bytes(sample)),
                  format_bytes(total, sample->swap_total_bytes));

        table_add(table, STYLE_HEAD, "load");
        table_add(table, STYLE_PLAIN, "%s", format_load(load_1, sample->load_1));
        table_add(table, STYLE_PLAIN, "%s over 5 min, %s over 15 min", format_load(load_5, sample->load_5),
                  format_load(load_15, sample->load_15));

        table_add(table, STYLE_HEAD, "up");
        table_add(table, STYLE_PLAIN, "%s", format_span(span, sample->uptime_usec));
        table_add(table, STYLE_PLAIN, "%s", "");
}

static void add_disks(Table *table, const SystemSample *sample)
{
        char used[FIGURE_MAX], total[FIGURE_MAX], available[FIGURE_MAX], percent[FIGURE_MAX];

        for (size_t i = 0; i < sample->n_disks; i++) {
                const DiskSample *disk = &sample->disks[i];

                table_add(table, STYLE_HEAD, "disk %s", disk->path);
                if (disk->problem) {
                        table_add(table, STYLE_BAD, "%s", disk->problem);
                        table_add(table, STYLE_PLAIN, "see: journalctl -u devbox-collector");
                        continue;
                }
                table_add(table, STYLE_PLAIN, "%s", format_percent(percent, disk_sample_percent(disk)));
                table_add(table, STYLE_PLAIN, "%s of %s, %s available",
                          format_bytes(used, disk_sample_used_bytes(disk)),
                          format_bytes(total, disk->total_bytes),
                          format_bytes(available, disk->available_bytes));
        }
}

static void add_networks(Table *table, const SystemSample *sample)
{
        char received[FIGURE_MAX], sent[FIGURE_MAX];

        for (size_t i = 0; i < sample->n_networks; i++) {
                const NetworkSample *network = &sample->networks[i];
                uint64_t trouble = network->receive_errors + network->receive_drops +
                                   network->transmit_errors + network->transmit_drops;

                table_add(table, STYLE_HEAD, "network %s", network->device);
                table_add(table, STYLE_PLAIN, "%s", "");
                table_add(table, STYLE_PLAIN, "%s in, %s out, %" PRIu64 " lost",
                          format_bytes(received, network->receive_bytes),
                          format_bytes(sent, network->transmit_bytes), trouble);
        }
}

/* For how long tasks have waited since boot, as a part of that time. */
static void add_pressure(Table *table, const SystemSample *sample)
{
        char percent[FIGURE_MAX], span[FIGURE_MAX];

        for (int kind = 0; sample->has_pressure && kind < _PRESSURE_KIND_MAX; kind++) {
                double waited_usec = (double) sample->pressure_usec[kind];

                if (sample->pressure_usec[kind] == SAMPLE_UNKNOWN)
                        continue;
                table_add(table, STYLE_HEAD, "pressure %s %s", pressure_kind_resource(kind),
                          pressure_kind_scope(kind));
                table_add(table, STYLE_PLAIN, "%s",
                          format_percent(percent, sample->uptime_usec > 0
                                                          ? 100 * waited_usec / (double) sample->uptime_usec
                                                          : 0));
                table_add(table, STYLE_PLAIN, "waited %s since boot",
                          format_span(span, sample->pressure_usec[kind]));
        }
}

static int run(Ctl *ctl, const void *options, char **args)
{
        _cleanup_(system_sample_done) SystemSample sample = { 0 };
        _cleanup_(table_done) Table table = { .n_columns = 3 };
        _cleanup_(json_done) Json json = JSON_NULL;

        int r = collector_client_get_system(ctl->bus, &sample, &ctl->problem);
        if (r != 0)
                return r;

        if (ctl->json) {
                system_sample_add_json(&json, NULL, &sample);
                return print_json(&json);
        }

        add_figures(&table, &sample);
        add_disks(&table, &sample);
        add_networks(&table, &sample);
        add_pressure(&table, &sample);
        return table_print(&table, stdout, ctl->colour);
}

const Verb verb_system = {
        .name = "system",
        .help = "show CPU, memory, disks, load and networks",
        .example = "--json system",
        .remote = true,
        .bus = true,
        .run = run,
};
