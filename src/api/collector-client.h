/* SPDX-License-Identifier: MIT */
#pragma once

/* devbox-collector as the api sees it: asynchronous calls with a deadline, and the news that units changed.
 */

#include <systemd/sd-bus.h>

#include "proto/error.h"

typedef struct CollectorClient CollectorClient;

typedef enum CollectorCall {
        COLLECTOR_CALL_SYSTEM,
        COLLECTOR_CALL_UNITS,
        COLLECTOR_CALL_SNAPSHOT,
        _COLLECTOR_CALL_MAX,
} CollectorCall;

/* What a call brought: the message, or (> 0) a DevboxError and perhaps its details. */
typedef struct CollectorAnswer {
        sd_bus_message *message;
        int reason;
        const char *detail;
} CollectorAnswer;

typedef struct CollectorHandlers {
        void (*on_answer)(CollectorCall call, const CollectorAnswer *answer, void *owner);
        void (*on_units_changed)(void *owner);
} CollectorHandlers;

typedef struct CollectorStats {
        uint64_t calls_total, failed_total;
} CollectorStats;

int collector_client_new(const CollectorHandlers *handlers, void *owner, CollectorClient **ret_client);

/* Calls under way are forgotten. */
CollectorClient *collector_client_free(CollectorClient *client);
DEFINE_CLEANUP(CollectorClient, collector_client_free);

/* From now on calls go over this bus, of which it takes a reference. */
int collector_client_attach(CollectorClient *client, sd_bus *bus);

/* The bus is gone: calls under way end with DEVBOX_ERROR_BUS_UNAVAILABLE, and so do those that follow. */
void collector_client_detach(CollectorClient *client);

/* Begins a call, of each at most one at a time; it ends in exactly one on_answer(), perhaps before this
 * returns. */
void collector_client_call(CollectorClient *client, CollectorCall call);

/* Whether the last call brought no answer. */
bool collector_client_lost(const CollectorClient *client);

const CollectorStats *collector_client_stats(const CollectorClient *client);
