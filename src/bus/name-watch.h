/* SPDX-License-Identifier: MIT */
#pragma once

/* Follows the owner of a name on the bus, so that it is known without a round trip when a call arrives. */

#include <systemd/sd-bus.h>

#include "basic/macro.h"

typedef struct NameWatch NameWatch;

struct NameWatch {
        /* Set by the owner before name_watch_start(); may be NULL. The name has no owner, or lost it; this
         * may free the watch. */
        void (*on_lost)(NameWatch *watch);

        char unique_name[64]; /* empty: no owner */
        sd_bus_slot *slot_changed, *slot_reply;
};

/* Follows `name` from now on. If it is called before we request a name of our own, the order of the bus
 * makes the owner known before its first call arrives. `watch` must not move until name_watch_done().
 * Errors: those of sd-bus. */
int name_watch_start(NameWatch *watch, sd_bus *bus, const char *name);
void name_watch_done(NameWatch *watch);

static inline bool name_watch_is_owner(const NameWatch *watch, const char *unique_name)
{
        return watch->unique_name[0] != '\0' && streq(watch->unique_name, unique_name);
}
