/* SPDX-License-Identifier: MIT */
#pragma once

/* The body of DispatchDaemon, for daemon.c (its life) and methods.c (the interface). */

#include "bus/authorise.h"
#include "bus/component.h"
#include "dispatch/daemon.h"
#include "dispatch/keys.h"

struct DispatchDaemon {
        Daemon *daemon;
        sd_bus *bus;
        Component component;
        sd_bus_slot *slot_interface;
        BusAuthority *authority;
        DispatchKeys keys;
};

/* Adds org.devbox.Dispatch1 to the object at `path`. */
int dispatch_daemon_add_interface(DispatchDaemon *self, sd_bus *bus, const char *path,
                                  sd_bus_slot **ret_slot);
