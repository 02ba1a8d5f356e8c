/* SPDX-License-Identifier: MIT */
#pragma once

/* org.freedesktop.systemd1(5) for clients: makes calls and reads replies. Sending, and with it the deadline,
 * is the caller's. No call activates anything. */

#include <systemd/sd-bus.h>

#include "basic/macro.h"

#define SYSTEMD1_NAME    "org.freedesktop.systemd1"
#define SYSTEMD1_PATH    "/org/freedesktop/systemd1"
#define SYSTEMD1_MANAGER "org.freedesktop.systemd1.Manager"
#define SYSTEMD1_UNIT    "org.freedesktop.systemd1.Unit"
#define SYSTEMD1_SOCKET  "org.freedesktop.systemd1.Socket"
#define SYSTEMD1_SERVICE "org.freedesktop.systemd1.Service"

/* A row of ListUnitsByNames, borrowed from the reply. */
typedef struct Systemd1Unit {
        const char *id, *load_state, *active_state, *sub_state;
} Systemd1Unit;

/* ListUnitsByNames. systemd skips names that it finds invalid and returns aliases under their primary name:
 * rows are found by their id. */
int systemd1_new_list(sd_bus *bus, const char *const *names, size_t n, sd_bus_message **ret_call);

/* Calls the handler for each row, until it fails. Errors: its own; those of sd-bus. */
int systemd1_read_list(sd_bus_message *reply, int (*on_unit)(const Systemd1Unit *unit, void *userdata),
                       void *userdata);

/* A method of org.freedesktop.DBus.Properties on the object of a unit; the arguments are the caller's. */
int systemd1_new_properties_call(sd_bus *bus, const char *unit, const char *member,
                                 sd_bus_message **ret_call);

/* The object of a unit, which the caller frees. */
int systemd1_unit_path(const char *unit, char **ret_path);

/* Whether the error means that systemd does not answer, rather than that it rejects one unit. */
bool systemd1_is_away(const sd_bus_error *error);
