/* SPDX-License-Identifier: MIT */
/* A method call that is being answered.
 *
 * Clients are watched with a match of our own rather than sd_bus_track, which asks the bus synchronously
 * whether the client is still there. One that left before the match stands costs nothing but a reply nobody
 * gets: every call ends within the deadline of what it waits for. */

#include "collector/call.h"

#include <stdio.h>

#include "proto/error.h"

static bool is_at_limit(const Calls *calls, const char *sender, bool other)
{
        size_t n = 0;

        if (other && calls->n_others >= CALLS_WAITING_MAX)
                return true;

        for (const Call *call = calls->first; call; call = call->next)
                n += streq(sd_bus_message_get_sender(call->message), sender);
        return n >= CALLS_PER_CLIENT_MAX;
}

int call_new(Calls *calls, sd_bus_message *message, CallKind kind, Call **ret_call)
{
        const char *sender = sd_bus_message_get_sender(message);
        if (!sender)
                return -EBADMSG;

        bool other = !name_watch_is_owner(&calls->api, sender);
        if (is_at_limit(calls, sender, other)) {
                calls->refused++;
                return DEVBOX_ERROR_BUSY;
        }

        Call *call = malloc(sizeof *call);
        if (!call)
                return -ENOMEM;

        *call = (Call){ .calls = calls,
                        .next = calls->first,
                        .message = sd_bus_message_ref(message),
                        .kind = kind,
                        .other = other };
        if (calls->first)
                calls->first->previous = call;
        calls->first = call;
        calls->n_calls++;
        calls->n_others += other;
        *ret_call = call;
        return 0;
}

Call *call_free(Call *call)
{
        if (!call)
                return NULL;

        if (call->previous)
                call->previous->next = call->next;
        else
                call->calls->first = call->next;
        if (call->next)
                call->next->previous = call->previous;
        call->calls->n_calls--;
        call->calls->n_others -= call->other;

        sd_bus_slot_unref(call->slot_client);
        sd_bus_message_unref(call->message);
        free(call);
        return NULL;
}

static int on_client_changed(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Call *call = userdata;

        /* A unique name never comes back: any change of its owner is its end. */
        call->calls->cancelled++;
        call_free(call);
        return 0;
}

int call_watch_client(Call *call)
{
        const char *sender = sd_bus_message_get_sender(call->message);
        char rule[256];

        (void) snprintf(rule, sizeof rule,
                        "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',arg0='%s'",
                        sender);
        return sd_bus_add_match_async(sd_bus_message_get_bus(call->message), &call->slot_client, rule,
                                      on_client_changed, NULL, call);
}
