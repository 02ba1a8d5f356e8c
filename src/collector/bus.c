/* SPDX-License-Identifier: MIT */
/* The vtable of org.devbox.Collector1, which dbus/org.devbox.Collector1.xml documents. */

#include "collector/collector-internal.h"

static const sd_bus_vtable collector_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("GetSystem", SD_BUS_NO_ARGS, SD_BUS_RESULT("a{sv}", system),
                                collector_method_get_system, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetUnits", SD_BUS_NO_ARGS, SD_BUS_RESULT("aa{sv}", units),
                                collector_method_get_units, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetSnapshot", SD_BUS_NO_ARGS,
                                SD_BUS_RESULT("a{sv}", system, "aa{sv}", units, "aa{sv}", parts),
                                collector_method_get_snapshot, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_SIGNAL_WITH_ARGS("UnitsChanged", SD_BUS_ARGS("as", names), 0),
        SD_BUS_VTABLE_END,
};

int collector_add_interface(Collector *collector, sd_bus *bus, const char *path, sd_bus_slot **ret_slot)
{
        return sd_bus_add_object_vtable(bus, ret_slot, path, "org.devbox.Collector1", collector_vtable,
                                        collector);
}
