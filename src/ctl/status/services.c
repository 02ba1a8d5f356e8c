/* SPDX-License-Identifier: MIT */
/* devboxctl services: the configured units. */

#include "ctl/listing.h"
#include "ctl/status/collector-client.h"
#include "ctl/verbs.h"
#include "sample/sample-json.h"

static void add_unit(const Ctl *ctl, Table *table, const void *item)
{
        const UnitSample *unit = item;
        usec_t since_usec = unit->active ? unit->active_enter_at_usec : 0,
               now_usec = time_now(CLOCK_REALTIME);
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

static const char *const titles[] = { "NAME", "STATE", "DETAIL", "FOR", "UNIT" };

static const Listing listing = {
        .empty = "No services are configured: list some under 'services:' in the configuration.",
        .titles = titles,
        .n_columns = ELEMENTSOF(titles),
        .item_size = sizeof(UnitSample),
        .add_row = add_unit,
};

/* With the members that GET /services has. */
static int print_document(const UnitSamples *samples)
{
        _cleanup_(json_done) Json json = JSON_NULL;

        json_open_object(&json, NULL);
        unit_samples_add_json(&json, "services", samples);
        json_close_object(&json);
        return print_json(&json);
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

        return ctl->json ? print_document(&samples)
                         : listing_print(ctl, &listing, samples.units, samples.n_units);
}

const Verb verb_services = {
        .name = "services",
        .help = "show the configured services",
        .statuses = "failure, or a service is not active",
        .remote = true,
        .bus = true,
        .run = run,
};
