/* SPDX-License-Identifier: MIT */
#pragma once

/* Who owns a name of the bus now: followed, so that it is known without asking when a call arrives. */

#include <systemd/sd-bus.h>

#include "basic/macro.h"

typedef struct NameWatch {
        char unique_name[64]; /* empty: nobody */
        sd_bus_slot *slot_changed, *slot_asked;
} NameWatch;

/* Follows `name` from now on. The bus keeps the order: what the owner sends after it got the name finds it
 * known here, if this was called before we asked for a name of our own. `owner` stays where it is until
 * name_watch_done(). Errors: those of sd-bus. */
int name_watch_start(NameWatch *owner, sd_bus *bus, const char *name);
void name_watch_done(NameWatch *owner);

static inline bool name_watch_is_owner(const NameWatch *owner, const char *unique_name)
{
        return owner->unique_name[0] != '\0' && streq(owner->unique_name, unique_name);
}
