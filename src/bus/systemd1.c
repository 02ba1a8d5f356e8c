/* SPDX-License-Identifier: MIT */
/* org.freedesktop.systemd1(5) for clients. */

#include "bus/systemd1.h"

static int new_call(sd_bus *bus, const char *path, const char *interface, const char *member,
                    sd_bus_message **ret_call)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;

        int r = sd_bus_message_new_method_call(bus, &call, SYSTEMD1_NAME, path, interface, member);
        if (r < 0)
                return r;
        r = sd_bus_message_set_auto_start(call, false);
        if (r < 0)
                return r;

        *ret_call = TAKE_PTR(call);
        return 0;
}

int systemd1_new_list(sd_bus *bus, const char *const *names, size_t n, sd_bus_message **ret_call)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;

        int r = new_call(bus, SYSTEMD1_PATH, SYSTEMD1_MANAGER, "ListUnitsByNames", &call);
        if (r >= 0)
                r = sd_bus_message_open_container(call, 'a', "s");
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = sd_bus_message_append_basic(call, 's', names[i]);
        if (r >= 0)
                r = sd_bus_message_close_container(call);
        if (r < 0)
                return r;

        *ret_call = TAKE_PTR(call);
        return 0;
}

int systemd1_read_list(sd_bus_message *reply, int (*on_unit)(const Systemd1Unit *unit, void *userdata),
                       void *userdata)
{
        Systemd1Unit unit;

        int r = sd_bus_message_enter_container(reply, 'a', "(ssssssouso)");
        while (r >= 0 && (r = sd_bus_message_read(reply, "(ssssssouso)", &unit.id, NULL, &unit.load_state,
                                                  &unit.active_state, &unit.sub_state, NULL, NULL, NULL,
                                                  NULL, NULL)) > 0)
                r = on_unit(&unit, userdata);

        return MIN(r, 0);
}

int systemd1_new_properties_call(sd_bus *bus, const char *unit, const char *member,
                                 sd_bus_message **ret_call)
{
        _cleanup_(freep) char *path = NULL;

        int r = systemd1_unit_path(unit, &path);
        if (r < 0)
                return r;

        return new_call(bus, path, "org.freedesktop.DBus.Properties", member, ret_call);
}

int systemd1_unit_path(const char *unit, char **ret_path)
{
        return sd_bus_path_encode(SYSTEMD1_PATH "/unit", unit, ret_path);
}

bool systemd1_is_away(const sd_bus_error *error)
{
        return sd_bus_error_has_names(error, SD_BUS_ERROR_NO_REPLY, SD_BUS_ERROR_TIMEOUT,
                                      "org.freedesktop.DBus.Error.TimedOut", SD_BUS_ERROR_SERVICE_UNKNOWN,
                                      SD_BUS_ERROR_NAME_HAS_NO_OWNER, SD_BUS_ERROR_DISCONNECTED,
                                      SD_BUS_ERROR_ACCESS_DENIED);
}
