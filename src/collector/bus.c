/* SPDX-License-Identifier: MIT */
/* The vtable of org.devbox.Collector1: dbus/org.devbox.Collector1.xml says what each member means. */

#include "collector/collector-internal.h"

static int method_get_system(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        return collector_handle(userdata, message, CALL_SYSTEM, error);
}

static int method_get_units(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        return collector_handle(userdata, message, CALL_UNITS, error);
}

static int method_get_snapshot(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        return collector_handle(userdata, message, CALL_SNAPSHOT, error);
}

static const sd_bus_vtable collector_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("GetSystem", SD_BUS_NO_ARGS, SD_BUS_RESULT("a{sv}", system),
                                method_get_system, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetUnits", SD_BUS_NO_ARGS, SD_BUS_RESULT("aa{sv}", units), method_get_units,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetSnapshot", SD_BUS_NO_ARGS,
                                SD_BUS_RESULT("a{sv}", system, "aa{sv}", units, "aa{sv}", parts),
                                method_get_snapshot, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_SIGNAL_WITH_ARGS("UnitsChanged", SD_BUS_ARGS("as", names), 0),
        SD_BUS_VTABLE_END,
};

int collector_add_interface(Collector *collector, sd_bus *bus, const char *path, sd_bus_slot **ret_slot)
{
        return sd_bus_add_object_vtable(bus, ret_slot, path, "org.devbox.Collector1", collector_vtable,
                                        collector);
}
