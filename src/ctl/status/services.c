/* SPDX-License-Identifier: MIT */
/* devboxctl services: the configured units. */

#include "ctl/print.h"
#include "ctl/status/collector-client.h"
#include "ctl/verbs.h"
#include "sample/sample-json.h"

static void add_unit(Table *table, const UnitSample *unit, usec_t now_usec)
{
        usec_t since_usec = unit->active ? unit->active_enter_at_usec : 0;
        char span[FIGURE_MAX];

        table_add(table, STYLE_PLAIN, "%s", unit->name);
        table_add(table, unit->active ? STYLE_GOOD : STYLE_BAD, "%s", unit_sample_state(unit));
        table_add(table, STYLE_PLAIN, "%s", unit->sub_state);
        if (since_usec > 0 && since_usec <= now_usec)
                table_add(table, STYLE_PLAIN, "%s", format_span(span, now_usec - since_usec));
        else
                table_add(table, STYLE_PLAIN, "-");
        table_add(table, STYLE_FAINT, "%s", unit->id);
}

static int print_table(const Ctl *ctl, const UnitSamples *samples)
{
        static const char *const heads[] = { "NAME", "STATE", "DETAIL", "FOR", "UNIT" };
        _cleanup_(table_done) Table table = { .n_columns = ELEMENTSOF(heads) };
        usec_t now_usec = time_now(CLOCK_REALTIME);

        if (samples->n_units == 0)
                return puts("No services are configured: list some under 'services:' in the "
                            "configuration.") < 0
                               ? -errno
                               : 0;

        for (size_t i = 0; i < ELEMENTSOF(heads); i++)
                table_add(&table, STYLE_HEAD, "%s", heads[i]);
        for (size_t i = 0; i < samples->n_units; i++)
                add_unit(&table, &samples->units[i], now_usec);

        return table_print(&table, stdout, ctl->colour);
}

static int print_document(const UnitSamples *samples)
{
        _cleanup_(freep) char *document = NULL;

        int r = unit_samples_to_json(samples, &document, NULL);
        if (r < 0)
                return r;

        return puts(document) < 0 ? -errno : 0;
}

static int run(Ctl *ctl, const void *options, char **args)
{
        _cleanup_(unit_samples_done) UnitSamples samples = { 0 };

        int r = collector_client_get_units(ctl->bus, &samples, &ctl->problem);
        if (r != 0)
                return r;

        for (size_t i = 0; i < samples.n_units; i++)
                if (!samples.units[i].active)
                        ctl->status = CTL_PROBLEM;

        return ctl->json ? print_document(&samples) : print_table(ctl, &samples);
}

const Verb verb_services = {
        .name = "services",
        .help = "show the configured services",
        .statuses = "failure, or a service is not active",
        .remote = true,
        .bus = true,
        .run = run,
};
