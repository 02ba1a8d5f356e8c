/* SPDX-License-Identifier: MIT */
#pragma once

/* Method calls that are kept for a later reply, with a limit for each client and one for all. A call is
 * embedded in the operation that answers it. */

#include <sys/queue.h>
#include <systemd/sd-bus.h>

#include "basic/bytes.h"
#include "bus/name-watch.h"

typedef struct BusCall BusCall;

/* All kept calls of a daemon. */
typedef struct BusCalls {
        /* Set by the owner. */
        size_t max, max_per_client;
        const NameWatch *reserved;   /* its owner is not limited by `max`; NULL: none */
        void (*free)(BusCall *call); /* the operation, with bus_call_done() */

        LIST_HEAD(, BusCall) list;
        size_t n, n_limited; /* all; those that count towards `max` */
        uint64_t total, rejected, cancelled;
} BusCalls;

struct BusCall {
        BusCalls *calls;
        sd_bus_message *message;
        bool limited;
        sd_bus_slot *slot_client;
        LIST_ENTRY(BusCall) entry;
};

/* Keeps `message`, until bus_call_done(). Returns DEVBOX_ERROR_BUSY at a limit. Errors: -EBADMSG it has no
 * sender. */
int bus_call_init(BusCall *call, BusCalls *calls, sd_bus_message *message);
void bus_call_done(BusCall *call);

/* For a call that outlives its handler: it is freed when its client leaves the bus. Errors: those of sd-bus.
 */
int bus_call_watch_client(BusCall *call);

/* Frees all calls, without a reply. */
void bus_calls_done(BusCalls *calls);

/* Replies with an error, as bus_error_set(). A reply that cannot be sent is lost with its client. */
void bus_reply_error(sd_bus_message *message, int reason, const char *detail);

/* As sd_bus_reply_method_return(), but returns 0 once the reply was sent. */
int bus_reply(sd_bus_message *message, const char *types, ...);

/* Replies with one ay. */
int bus_reply_bytes(sd_bus_message *message, Bytes bytes);
