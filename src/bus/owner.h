/* SPDX-License-Identifier: MIT */
#pragma once

/* Who owns a name of the bus now: followed, so that it is known without asking when a call arrives. */

#include <systemd/sd-bus.h>

#include "basic/macro.h"

typedef struct Owner {
        char unique_name[64]; /* empty: nobody */
        sd_bus_slot *slot_changed, *slot_asked;
} Owner;

/* Follows `name` from now on. The bus keeps the order: what the owner sends after it got the name finds it
 * known here, if this was called before we asked for a name of our own. `owner` stays where it is until
 * owner_done(). Errors: those of sd-bus. */
int owner_follow(Owner *owner, sd_bus *bus, const char *name);
void owner_done(Owner *owner);

static inline bool owner_is(const Owner *owner, const char *unique_name)
{
        return owner->unique_name[0] != '\0' && streq(owner->unique_name, unique_name);
}
