/* SPDX-License-Identifier: MIT */
/* Method calls that are kept for a later reply.
 *
 * Clients are watched with a match of our own rather than sd_bus_track, which calls the bus synchronously
 * whether the client is still there. The call of a client that left before the match was active ends with
 * the deadline of what it waits for. */

#include "bus/call.h"

#include <stdio.h>

#include "bus/error.h"
#include "log/log.h"

static bool is_at_limit(const BusCalls *calls, const char *sender, bool limited)
{
        const BusCall *call;
        size_t n = 0;

        if (limited && calls->n_limited >= calls->max)
                return true;

        LIST_FOREACH(call, &calls->list, entry)
                n += streq(sd_bus_message_get_sender(call->message), sender);
        return n >= calls->max_per_client;
}

int bus_call_init(BusCall *call, BusCalls *calls, sd_bus_message *message)
{
        const char *sender = sd_bus_message_get_sender(message);
        if (!sender)
                return -EBADMSG;

        bool limited = !calls->reserved || !name_watch_is_owner(calls->reserved, sender);
        calls->total++;
        if (is_at_limit(calls, sender, limited)) {
                calls->rejected++;
                return DEVBOX_ERROR_BUSY;
        }

        *call = (BusCall){ .calls = calls, .message = sd_bus_message_ref(message), .limited = limited };
        LIST_INSERT_HEAD(&calls->list, call, entry);
        calls->n++;
        calls->n_limited += limited;
        return 0;
}

void bus_call_done(BusCall *call)
{
        LIST_REMOVE(call, entry);
        call->calls->n--;
        call->calls->n_limited -= call->limited;
        sd_bus_slot_unref(call->slot_client);
        sd_bus_message_unref(call->message);
}

/* A unique name is never reused: any change of its owner is its end. */
static int on_owner_changed(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        BusCall *call = userdata;

        call->calls->cancelled++;
        call->calls->free(call);
        return 0;
}

int bus_call_watch_client(BusCall *call)
{
        char rule[256];

        (void) snprintf(rule, sizeof rule,
                        "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',arg0='%s'",
                        sd_bus_message_get_sender(call->message));
        return sd_bus_add_match_async(sd_bus_message_get_bus(call->message), &call->slot_client, rule,
                                      on_owner_changed, NULL, call);
}

void bus_calls_done(BusCalls *calls)
{
        while (!LIST_EMPTY(&calls->list))
                calls->free(LIST_FIRST(&calls->list));
}

void bus_reply_error(sd_bus_message *message, int reason, const char *detail)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

        (void) bus_error_set(&error, reason, detail);
        int r = sd_bus_reply_method_error(message, &error);
        if (r < 0)
                (void) log_debug_errno(r, "Cannot send a reply, ignoring");
}

int bus_reply(sd_bus_message *message, const char *types, ...)
{
        va_list arguments;

        va_start(arguments, types);
        int r = sd_bus_reply_method_returnv(message, types, arguments);
        va_end(arguments);

        return MIN(r, 0);
}

int bus_reply_bytes(sd_bus_message *message, Bytes bytes)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;

        int r = sd_bus_message_new_method_return(message, &reply);
        if (r >= 0)
                r = sd_bus_message_append_array(reply, 'y', bytes.data, bytes.size);
        return r < 0 ? r : MIN(sd_bus_send(NULL, reply, NULL), 0);
}
