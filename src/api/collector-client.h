/* SPDX-License-Identifier: MIT */
#pragma once

/* devbox-collector's methods and its signals, for devbox-api. */

#include "bus/client.h"

typedef struct CollectorClient CollectorClient;

typedef enum CollectorCall {
        COLLECTOR_CALL_SYSTEM,
        COLLECTOR_CALL_UNITS,
        COLLECTOR_CALL_SNAPSHOT,
        _COLLECTOR_CALL_MAX,
} CollectorCall;

typedef struct CollectorHandlers {
        void (*on_reply)(CollectorCall call, const BusReply *reply, void *owner);

        /* What was read before is outdated: the units, or all of it. */
        void (*on_changed)(bool all, void *owner);
} CollectorHandlers;

/* Cold activation of the hardened collector and its first 250 ms window take well under a second. */
#define COLLECTOR_DEADLINE_USEC (2 * USEC_PER_SEC)

int collector_client_new(const CollectorHandlers *handlers, void *owner, CollectorClient **ret_client);

/* Pending calls end without a reply. */
CollectorClient *collector_client_free(CollectorClient *client);
DEFINE_CLEANUP(CollectorClient, collector_client_free);

/* As bus_client_attach() and bus_client_detach(). Errors: those of sd-bus. */
int collector_client_attach(CollectorClient *client, sd_bus *bus);
void collector_client_detach(CollectorClient *client);

/* Starts a call, of each at most one at a time; it ends in exactly one on_reply(), perhaps before this
 * returns. */
void collector_client_call(CollectorClient *client, CollectorCall call);

/* Whether the last call had no answer. */
bool collector_client_lost(const CollectorClient *client);

const BusClientStats *collector_client_stats(const CollectorClient *client);
