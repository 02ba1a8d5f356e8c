/* SPDX-License-Identifier: MIT */
/* devboxctl status: devbox, the machine and its services on one screen.
 *
 * Asking for figures starts the collector, which stops again when it is idle; a sleeping API and a sleeping
 * ledger are not started. */

#include <limits.h>
#include <unistd.h>

#include "ctl/print.h"
#include "ctl/status/collector-client.h"
#include "ctl/status/service-status.h"
#include "ctl/verbs.h"
#include "sample/sample-json.h"

/* All that one screen shows. `problem` is why there are no figures. */
typedef struct Screen {
        ServiceStatus status;
        Snapshot snapshot;
        char *problem;
} Screen;

static void screen_done(Screen *screen)
{
        service_status_done(&screen->status);
        snapshot_done(&screen->snapshot);
        free(screen->problem);
}

static size_t count_inactive(const UnitSamples *samples)
{
        size_t n = 0;

        for (size_t i = 0; i < samples->n_units; i++)
                n += !samples->units[i].active;

        return n;
}

static void add_component(Table *table, const ServiceStatus *status, const ComponentStatus *component)
{
        const char *problem = component_status_problem(component);
        usec_t now_usec = time_now(CLOCK_REALTIME), started_at_usec = component->properties.started_at_usec;
        char span[FIGURE_MAX];

        table_add(table, STYLE_HEAD, "%s", component->name);
        table_add(table, problem ? STYLE_BAD : STYLE_GOOD, "%s",
                  component_state_to_string(component->state));

        if (component->state == COMPONENT_LISTENING && problem)
                table_add(table, STYLE_PLAIN, "%s; %s", status->listens, problem);
        else if (problem)
                table_add(table, STYLE_PLAIN, "%s", problem);
        else if (component->answers)
                table_add(table, STYLE_PLAIN, "%s, for %s", component->properties.version,
                          format_span(span, now_usec - MIN(started_at_usec, now_usec)));
        else if (component->state == COMPONENT_LISTENING)
                table_add(table, STYLE_PLAIN, "%s", status->listens);
        else if (component->state == COMPONENT_SLEEPING)
                table_add(table, STYLE_PLAIN, "%s",
                          component->id == COMPONENT_API ? "socket listening: the next request starts it"
                                                         : "the next call starts it");
        else
                table_add(table, STYLE_PLAIN, "%s", "");
}

static void add_system(Table *table, const SystemSample *sample)
{
        char used[FIGURE_MAX], total[FIGURE_MAX], percent[FIGURE_MAX], load[FIGURE_MAX], span[FIGURE_MAX];

        table_add(table, STYLE_HEAD, "cpu");
        table_add(table, STYLE_PLAIN, "%s", format_percent(percent, sample->cpu_percent));
        table_add(table, STYLE_PLAIN, "load %s", format_load(load, sample->load_1));

        table_add(table, STYLE_HEAD, "memory");
        table_add(table, STYLE_PLAIN, "%s", format_percent(percent, system_sample_memory_percent(sample)));
        table_add(table, STYLE_PLAIN, "%s of %s",
                  format_bytes(used, system_sample_memory_used_bytes(sample)),
                  format_bytes(total, sample->memory_total_bytes));

        for (size_t i = 0; i < sample->n_disks; i++) {
                const DiskSample *disk = &sample->disks[i];

                table_add(table, STYLE_HEAD, "disk %s", disk->path);
                if (disk->problem) {
                        table_add(table, STYLE_BAD, "%s", disk->problem);
                        table_add(table, STYLE_PLAIN, "see: journalctl -u devbox-collector");
                        continue;
                }
                table_add(table, STYLE_PLAIN, "%s", format_percent(percent, disk_sample_percent(disk)));
                table_add(table, STYLE_PLAIN, "%s of %s", format_bytes(used, disk_sample_used_bytes(disk)),
                          format_bytes(total, disk->total_bytes));
        }

        table_add(table, STYLE_HEAD, "up");
        table_add(table, STYLE_PLAIN, "%s", format_span(span, sample->uptime_usec));
        table_add(table, STYLE_PLAIN, "%s", "");
}

/* How many are active, and each that is not. */
static void add_units(Table *table, const UnitSamples *samples)
{
        size_t n_inactive = count_inactive(samples);

        table_add_blank(table);
        table_add(table, STYLE_HEAD, "services");
        table_add(table, n_inactive > 0 ? STYLE_BAD : STYLE_PLAIN, "%zu of %zu",
                  samples->n_units - n_inactive, samples->n_units);
        table_add(table, STYLE_PLAIN, "active");

        for (size_t i = 0; i < samples->n_units; i++) {
                const UnitSample *unit = &samples->units[i];

                if (unit->active)
                        continue;

                table_add(table, STYLE_PLAIN, "  %s", unit->name);
                table_add(table, STYLE_BAD, "%s", unit_sample_state(unit));
                table_add(table, STYLE_PLAIN, "see: systemctl status %s", unit->id);
        }
}

static int print_screen(const Ctl *ctl, const Screen *screen)
{
        _cleanup_(table_done) Table table = { .n_columns = 3 };
        char host[HOST_NAME_MAX + 1] = "";

        (void) gethostname(host, sizeof host - 1);
        if (printf("devbox %s on %s\n\n", DEVBOX_VERSION, host) < 0)
                return -errno;

        for (int i = 0; i < _COMPONENT_MAX; i++)
                if (screen->status.components[i].expected)
                        add_component(&table, &screen->status, &screen->status.components[i]);

        table_add_blank(&table);
        if (screen->problem) {
                table_add(&table, STYLE_HEAD, "figures");
                table_add(&table, STYLE_BAD, "none");
                table_add(&table, STYLE_PLAIN, "%s", screen->problem);
                return table_print(&table, stdout, ctl->colour);
        }

        if (snapshot_has(&screen->snapshot, "system"))
                add_system(&table, &screen->snapshot.system);
        if (snapshot_has(&screen->snapshot, "services"))
                add_units(&table, &screen->snapshot.units);

        return table_print(&table, stdout, ctl->colour);
}

static int print_document(const Screen *screen)
{
        _cleanup_(json_done) Json json = JSON_NULL;

        json_open_object(&json, NULL);
        json_add_string(&json, "version", DEVBOX_VERSION);
        service_status_add_json(&json, "components", &screen->status);
        json_add_string(&json, "listens", screen->status.listens);
        json_add_string(&json, "problem", screen->problem);
        if (snapshot_has(&screen->snapshot, "system"))
                system_sample_add_json(&json, "system", &screen->snapshot.system);
        else
                json_add_null(&json, "system");
        if (snapshot_has(&screen->snapshot, "services"))
                unit_samples_add_json(&json, "services", &screen->snapshot.units);
        else
                json_add_null(&json, "services");
        json_close_object(&json);
        return print_json(&json);
}

static int screen_status(const Screen *screen)
{
        return !service_status_is_well(&screen->status) || screen->problem ||
                               count_inactive(&screen->snapshot.units) > 0 ||
                               !snapshot_has(&screen->snapshot, "system") ||
                               !snapshot_has(&screen->snapshot, "services")
                       ? CTL_PROBLEM
                       : CTL_OK;
}

static int run(Ctl *ctl, const void *options, char **args)
{
        _cleanup_(screen_done) Screen screen = { 0 };

        /* The figures first: then the collector runs and reports itself. */
        int r = collector_client_get_snapshot(ctl->bus, &screen.snapshot, &screen.problem);
        if (r == DEVBOX_ERROR_ACCESS_DENIED)
                ctl->problem = TAKE_PTR(screen.problem);
        if (r == DEVBOX_ERROR_ACCESS_DENIED || r < 0)
                return r;

        r = service_status_get(ctl->bus, &screen.status, &ctl->problem);
        if (r != 0)
                return r;

        ctl->status = screen_status(&screen);
        return ctl->json ? print_document(&screen) : print_screen(ctl, &screen);
}

const Verb verb_status = {
        .name = "status",
        .help = "show devbox, the machine and its services on one screen",
        .statuses = "failure, or something is not as it should be",
        .bus = true,
        .run = run,
};
