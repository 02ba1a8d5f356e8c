/* SPDX-License-Identifier: MIT */
/* Entries of a chain on the bus. */

#include "audit/entry-bus.h"

#include "bus/dictionary.h"

int audit_entry_append(sd_bus_message *message, const AuditEntry *entry)
{
        int r = sd_bus_message_open_container(message, 'r', "ttqayayay");
        if (r >= 0)
                r = sd_bus_message_append(message, "ttq", entry->seq, entry->time_ms, entry->type);
        if (r >= 0)
                r = sd_bus_message_append_array(message, 'y', entry->body.data, entry->body.size);
        if (r >= 0)
                r = sd_bus_message_append_array(message, 'y', entry->prev.bytes, SHA256_SIZE);
        if (r >= 0)
                r = sd_bus_message_append_array(message, 'y', entry->hash.bytes, SHA256_SIZE);
        if (r >= 0)
                r = sd_bus_message_close_container(message);
        return r;
}

int audit_entry_read(sd_bus_message *message, AuditEntry *ret_entry)
{
        AuditEntry entry = { 0 };
        const void *body;

        int r = sd_bus_message_enter_container(message, 'r', "ttqayayay");
        if (r > 0)
                r = sd_bus_message_read(message, "ttq", &entry.seq, &entry.time_ms, &entry.type);
        if (r > 0)
                r = sd_bus_message_read_array(message, 'y', &body, &entry.body.size);
        if (r > 0)
                r = bus_array_read(message, entry.prev.bytes, SHA256_SIZE);
        if (r >= 0)
                r = bus_array_read(message, entry.hash.bytes, SHA256_SIZE);
        if (r >= 0)
                r = sd_bus_message_exit_container(message);
        if (r < 0)
                return r;

        entry.body.data = body;
        *ret_entry = entry;
        return 0;
}
