/* SPDX-License-Identifier: MIT */
/* Who owns a name of the bus. */

#include "bus/name-watch.h"

#include <stdio.h>

static void set(NameWatch *owner, const char *unique_name)
{
        (void) snprintf(owner->unique_name, sizeof owner->unique_name, "%s", unique_name);
}

static int on_changed(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        const char *name, *before, *after;

        if (sd_bus_message_read(message, "sss", &name, &before, &after) >= 0)
                set(userdata, after);
        return 0;
}

/* Older than any change that comes after it, and newer than all before. */
static int on_asked(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        const char *unique_name;

        if (sd_bus_message_is_method_error(reply, NULL)) /* nobody has it */
                set(userdata, "");
        else if (sd_bus_message_read(reply, "s", &unique_name) >= 0)
                set(userdata, unique_name);
        return 0;
}

int name_watch_start(NameWatch *owner, sd_bus *bus, const char *name)
{
        char rule[256];

        (void) snprintf(rule, sizeof rule,
                        "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',arg0='%s'",
                        name);
        int r = sd_bus_add_match_async(bus, &owner->slot_changed, rule, on_changed, NULL, owner);
        if (r < 0)
                return r;

        return sd_bus_call_method_async(bus, &owner->slot_asked, "org.freedesktop.DBus",
                                        "/org/freedesktop/DBus", "org.freedesktop.DBus", "GetNameOwner",
                                        on_asked, owner, "s", name);
}

void name_watch_done(NameWatch *owner)
{
        owner->slot_changed = sd_bus_slot_unref(owner->slot_changed);
        owner->slot_asked = sd_bus_slot_unref(owner->slot_asked);
        set(owner, "");
}
