/* SPDX-License-Identifier: MIT */
/* D-Bus calls of devboxctl. */

#include "ctl/status/client.h"

#include <stdio.h>

#include "basic/text.h"
#include "bus/dictionary.h"
#include "bus/error.h"
#include "sample/sample-bus.h"

#define COLLECTOR   "org.devbox.Collector1"
#define COMPONENT   "org.devbox.Component1"
#define TIMEOUT_SEC 10

typedef struct Address {
        char bus_name[64], path[64];
} Address;

static Address address_of(const char *name)
{
        Address address;

        (void) snprintf(address.bus_name, sizeof address.bus_name, "org.devbox.%s", name);
        (void) snprintf(address.path, sizeof address.path, "/org/devbox/%s", name);
        return address;
}

/* The sentence of a reason, or a longer message where there is one; for ACCESS_DENIED also how to join the
 * group. */
static int set_problem(DevboxError reason, const char *message, char **ret_problem)
{
        _cleanup_(text_done) Text text = TEXT_NULL;

        text_append(&text, message ? message : devbox_error_sentence(reason));
        if (reason == DEVBOX_ERROR_ACCESS_DENIED)
                text_append(&text, "; run: sudo usermod -aG devbox-admin $USER, and log in again");

        int r = text_take(&text, ret_problem, NULL);
        return r < 0 ? r : (int) reason;
}

int client_problem(const sd_bus_error *error, DevboxError unavailable, char **ret_problem)
{
        DevboxError reason = bus_error_reason(error, unavailable, DEVBOX_ERROR_COLLECTOR_TIMEOUT), ours;
        bool ours_with_message = devbox_error_from_bus_name(error->name, &ours) >= 0 && error->message;

        return set_problem(reason, ours_with_message ? error->message : NULL, ret_problem);
}

int client_open(sd_bus **ret_bus, char **ret_problem)
{
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;

        int r = sd_bus_open_system_with_description(&bus, "devboxctl");
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return set_problem(DEVBOX_ERROR_BUS_UNAVAILABLE, NULL, ret_problem);

        (void) sd_bus_set_method_call_timeout(bus, TIMEOUT_SEC * USEC_PER_SEC);
        *ret_bus = TAKE_PTR(bus);
        return 0;
}

static int call_collector(sd_bus *bus, const char *member, sd_bus_message **ret_reply, char **ret_problem)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

        int r = sd_bus_call_method(bus, COLLECTOR, "/org/devbox/Collector1", COLLECTOR, member, &error,
                                   ret_reply, NULL);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return client_problem(&error, DEVBOX_ERROR_COLLECTOR_UNAVAILABLE, ret_problem);

        return 0;
}

/* A reply that cannot be read is that of a collector of another version. */
static int unreadable(int r, char **ret_problem)
{
        if (r == -ENOMEM)
                return r;

        return set_problem(DEVBOX_ERROR_INTERNAL,
                           "devbox-collector's answer cannot be read; it may be of "
                           "another version: run systemctl restart devbox-collector",
                           ret_problem);
}

int client_get_system(sd_bus *bus, SystemSample *ret_sample, char **ret_problem)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;

        int r = call_collector(bus, "GetSystem", &reply, ret_problem);
        if (r != 0)
                return r;

        r = system_sample_read(reply, ret_sample);
        return r < 0 ? unreadable(r, ret_problem) : 0;
}

int client_get_units(sd_bus *bus, UnitSamples *ret_samples, char **ret_problem)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;

        int r = call_collector(bus, "GetUnits", &reply, ret_problem);
        if (r != 0)
                return r;

        r = unit_samples_read(reply, ret_samples);
        return r < 0 ? unreadable(r, ret_problem) : 0;
}

void snapshot_done(Snapshot *snapshot)
{
        system_sample_done(&snapshot->system);
        unit_samples_done(&snapshot->units);
        part_samples_done(&snapshot->parts);
}

int client_get_snapshot(sd_bus *bus, Snapshot *ret_snapshot, char **ret_problem)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(snapshot_done) Snapshot snapshot = { 0 };

        int r = call_collector(bus, "GetSnapshot", &reply, ret_problem);
        if (r != 0)
                return r;

        r = system_sample_read(reply, &snapshot.system);
        if (r >= 0)
                r = unit_samples_read(reply, &snapshot.units);
        if (r >= 0)
                r = part_samples_read(reply, &snapshot.parts);
        if (r < 0)
                return unreadable(r, ret_problem);

        *ret_snapshot = TAKE(snapshot, (Snapshot){ 0 });
        return 0;
}

bool snapshot_has(const Snapshot *snapshot, const char *part)
{
        for (size_t i = 0; i < snapshot->parts.n_parts; i++)
                if (streq(snapshot->parts.parts[i].name, part))
                        return snapshot->parts.parts[i].success;

        return false;
}

/* A component without an owner on the bus is DEVBOX_ERROR_NOT_FOUND, with its name in the message. */
static int component_problem(const sd_bus_error *error, const Address *address, char **ret_problem)
{
        _cleanup_(freep) char *problem = NULL;
        char message[128];

        int r = client_problem(error, DEVBOX_ERROR_NOT_FOUND, &problem);
        if (r != DEVBOX_ERROR_NOT_FOUND) {
                *ret_problem = TAKE_PTR(problem);
                return r;
        }

        (void) snprintf(message, sizeof message, "%s is not on the bus; see: journalctl -u 'devbox-*'",
                        address->bus_name);
        return set_problem(DEVBOX_ERROR_NOT_FOUND, message, ret_problem);
}

typedef struct PropertiesView {
        const char *version;
        uint64_t started_at_usec;
        bool healthy;
} PropertiesView;

static const BusField properties_fields[] = {
        BUS_FIELD("Version", BUS_TEXT, PropertiesView, version, BUS_REQUIRED),
        BUS_FIELD("StartedAt", BUS_UINT64, PropertiesView, started_at_usec, BUS_REQUIRED),
        BUS_FIELD("Healthy", BUS_BOOL, PropertiesView, healthy, BUS_REQUIRED),
};
static const BusDictionary properties_dictionary = BUS_DICTIONARY(properties_fields);

static int read_properties(sd_bus_message *reply, ComponentProperties *ret_properties)
{
        PropertiesView view = { 0 };

        int r = bus_dictionary_read(reply, &properties_dictionary, &view);
        if (r < 0)
                return r;

        *ret_properties =
                (ComponentProperties){ .started_at_usec = view.started_at_usec, .healthy = view.healthy };
        (void) snprintf(ret_properties->version, sizeof ret_properties->version, "%s", view.version);
        return 0;
}

int client_get_component(sd_bus *bus, const char *name, ComponentProperties *ret_properties,
                         char **ret_problem)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL, *reply = NULL;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        Address address = address_of(name);

        int r = sd_bus_message_new_method_call(bus, &message, address.bus_name, address.path,
                                               "org.freedesktop.DBus.Properties", "GetAll");
        if (r >= 0)
                r = sd_bus_message_set_auto_start(message, false);
        if (r >= 0)
                r = sd_bus_message_append(message, "s", COMPONENT);
        if (r < 0)
                return r;

        r = sd_bus_call(bus, message, 0, &error, &reply);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return component_problem(&error, &address, ret_problem);

        r = read_properties(reply, ret_properties);
        return r < 0 ? unreadable(r, ret_problem) : 0;
}

int client_introspect(sd_bus *bus, const char *name, char **ret_xml, char **ret_problem)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        const Address address = address_of(name);
        const char *xml;

        int r = sd_bus_call_method(bus, address.bus_name, address.path,
                                   "org.freedesktop.DBus.Introspectable", "Introspect", &error, &reply,
                                   NULL);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return component_problem(&error, &address, ret_problem);

        r = sd_bus_message_read(reply, "s", &xml);
        if (r < 0)
                return unreadable(r, ret_problem);

        *ret_xml = strdup(xml);
        return *ret_xml ? 0 : -ENOMEM;
}
