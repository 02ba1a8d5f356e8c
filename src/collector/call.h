/* SPDX-License-Identifier: MIT */
#pragma once

/* A method call that is being answered. It may outlive its handler: until the first CPU window stands, or
 * until systemd has answered. How many wait at once is limited, for each client and for all but the api
 * together; so nobody keeps the api waiting. A client that leaves the bus takes its calls along. */

#include <systemd/sd-bus.h>

#include "bus/name-watch.h"

#define CALLS_WAITING_MAX    64
#define CALLS_PER_CLIENT_MAX 32 /* the api has three at most */

typedef enum CallKind { CALL_SYSTEM, CALL_UNITS, CALL_SNAPSHOT } CallKind;

typedef struct Call Call;

/* All calls of a collector; charged in call_new(), returned in call_free(). */
typedef struct Calls {
        Call *first;
        NameWatch api;
        size_t n_calls, n_others; /* of all; of all but the api */
        uint64_t total, refused, cancelled;
} Calls;

struct Call {
        Calls *calls;
        Call *previous, *next;
        sd_bus_message *message;
        CallKind kind;
        bool other; /* than the api */
        bool waits_system, waits_units;
        int system_result, units_result; /* 0, or a DevboxError */
        sd_bus_slot *slot_client;
};

/* Keeps `message` for a later reply. Returns DEVBOX_ERROR_BUSY when too many wait. Errors: -ENOMEM,
 * -EBADMSG it has no sender. */
int call_new(Calls *calls, sd_bus_message *message, CallKind kind, Call **ret_call);
Call *call_free(Call *call);
DEFINE_CLEANUP(Call, call_free);

/* The call outlives its handler: from now on it is freed when its client leaves the bus. */
int call_watch_client(Call *call);

/* Whether the call needs that part for its reply. */
static inline bool call_wants_system(const Call *call)
{
        return call->kind != CALL_UNITS;
}

static inline bool call_wants_units(const Call *call)
{
        return call->kind != CALL_SYSTEM;
}
