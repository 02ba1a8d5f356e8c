/* SPDX-License-Identifier: MIT */
#pragma once

/* Entries of a chain on the bus: (ttqayayay), in arrays of org.devbox.Ledger1. Errors: those of sd-bus;
 * -EBADMSG. */

#include <systemd/sd-bus.h>

#include "audit/entry.h"

int audit_entry_append(sd_bus_message *message, const AuditEntry *entry);

/* The body is borrowed from the message. */
int audit_entry_read(sd_bus_message *message, AuditEntry *ret_entry);
