/* SPDX-License-Identifier: MIT */
/* Calls of org.devbox.Collector1. */

#include "ctl/status/collector-client.h"

#include "ctl/client.h"
#include "sample/sample-bus.h"

static const ClientDaemon collector = {
        .title = "devbox-collector",
        .name = "org.devbox.Collector1",
        .path = "/org/devbox/Collector1",
        .unavailable = DEVBOX_ERROR_COLLECTOR_UNAVAILABLE,
        .timeout = DEVBOX_ERROR_COLLECTOR_TIMEOUT,
};

#define METHOD(member) (&(const ClientMethod){ &collector, member, "" })

int collector_client_get_system(sd_bus *bus, SystemSample *ret_sample, char **ret_problem)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;

        int r = client_call(bus, METHOD("GetSystem"), &reply, ret_problem);
        return r != 0 ? r : client_read(&collector, system_sample_read(reply, ret_sample), ret_problem);
}

int collector_client_get_units(sd_bus *bus, UnitSamples *ret_samples, char **ret_problem)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;

        int r = client_call(bus, METHOD("GetUnits"), &reply, ret_problem);
        return r != 0 ? r : client_read(&collector, unit_samples_read(reply, ret_samples), ret_problem);
}

void snapshot_done(Snapshot *snapshot)
{
        system_sample_done(&snapshot->system);
        unit_samples_done(&snapshot->units);
        part_samples_done(&snapshot->parts);
}

int collector_client_get_snapshot(sd_bus *bus, Snapshot *ret_snapshot, char **ret_problem)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(snapshot_done) Snapshot snapshot = { 0 };

        int r = client_call(bus, METHOD("GetSnapshot"), &reply, ret_problem);
        if (r != 0)
                return r;

        r = system_sample_read(reply, &snapshot.system);
        if (r >= 0)
                r = unit_samples_read(reply, &snapshot.units);
        if (r >= 0)
                r = part_samples_read(reply, &snapshot.parts);
        r = client_read(&collector, r, ret_problem);
        if (r == 0)
                *ret_snapshot = TAKE(snapshot, (Snapshot){ 0 });
        return r;
}

bool snapshot_has(const Snapshot *snapshot, const char *part)
{
        for (size_t i = 0; i < snapshot->parts.n_parts; i++)
                if (streq(snapshot->parts.parts[i].name, part))
                        return snapshot->parts.parts[i].success;

        return false;
}
