/* SPDX-License-Identifier: MIT */
/* Follows the owner of a name on the bus. */

#include "bus/name-watch.h"

#include <stdio.h>

static void set_owner(NameWatch *watch, const char *unique_name)
{
        (void) snprintf(watch->unique_name, sizeof watch->unique_name, "%s", unique_name);
        if (*unique_name == '\0' && watch->on_lost)
                watch->on_lost(watch);
}

static int on_changed(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        const char *name, *before, *after;

        if (sd_bus_message_read(message, "sss", &name, &before, &after) >= 0)
                set_owner(userdata, after);
        return 0;
}

static int on_owner(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        const char *unique_name;

        if (sd_bus_message_is_method_error(reply, NULL)) /* no owner on the bus */
                set_owner(userdata, "");
        else if (sd_bus_message_read(reply, "s", &unique_name) >= 0)
                set_owner(userdata, unique_name);
        return 0;
}

int name_watch_start(NameWatch *watch, sd_bus *bus, const char *name)
{
        char rule[256];

        (void) snprintf(rule, sizeof rule,
                        "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',arg0='%s'",
                        name);
        int r = sd_bus_add_match_async(bus, &watch->slot_changed, rule, on_changed, NULL, watch);
        if (r < 0)
                return r;

        return sd_bus_call_method_async(bus, &watch->slot_reply, "org.freedesktop.DBus",
                                        "/org/freedesktop/DBus", "org.freedesktop.DBus", "GetNameOwner",
                                        on_owner, watch, "s", name);
}

void name_watch_done(NameWatch *watch)
{
        watch->slot_changed = sd_bus_slot_unref(watch->slot_changed);
        watch->slot_reply = sd_bus_slot_unref(watch->slot_reply);
        watch->unique_name[0] = '\0';
}
