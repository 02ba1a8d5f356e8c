/* SPDX-License-Identifier: MIT */
/* Calls that every component answers. */

#include "ctl/status/component-client.h"

#include <stdio.h>

#include "bus/dictionary.h"
#include "ctl/client.h"
#include "ctl/problem.h"

#define COMPONENT "org.devbox.Component1"

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

static ClientDaemon daemon_of(const Address *address)
{
        return (ClientDaemon){ .title = address->bus_name,
                               .unavailable = DEVBOX_ERROR_NOT_FOUND,
                               .timeout = DEVBOX_ERROR_BUSY };
}

/* A component without an owner on the bus is DEVBOX_ERROR_NOT_FOUND, with its name in the message. */
static int component_problem(const sd_bus_error *error, const Address *address, char **ret_problem)
{
        const ClientDaemon daemon = daemon_of(address);

        int r = client_problem(&daemon, error, ret_problem);
        if (r != DEVBOX_ERROR_NOT_FOUND)
                return r;

        return problem_set(ret_problem, DEVBOX_ERROR_NOT_FOUND,
                           "%s is not on the bus; see: journalctl -u 'devbox-*'", address->bus_name);
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

int component_client_get(sd_bus *bus, const char *name, ComponentProperties *ret_properties,
                         char **ret_problem)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL, *reply = NULL;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        const Address address = address_of(name);
        const ClientDaemon daemon = daemon_of(&address);

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
        return client_read(&daemon, r, ret_problem);
}

int component_client_introspect(sd_bus *bus, const char *name, char **ret_xml, char **ret_problem)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        const Address address = address_of(name);
        const ClientDaemon daemon = daemon_of(&address);
        const char *xml;

        int r = sd_bus_call_method(bus, address.bus_name, address.path,
                                   "org.freedesktop.DBus.Introspectable", "Introspect", &error, &reply,
                                   NULL);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return component_problem(&error, &address, ret_problem);

        r = sd_bus_message_read(reply, "s", &xml);
        r = client_read(&daemon, r, ret_problem);
        if (r != 0)
                return r;

        *ret_xml = strdup(xml);
        return *ret_xml ? 0 : -ENOMEM;
}
