/* SPDX-License-Identifier: MIT */
#pragma once

/* Sends the rows of the outbox (mesh/event.h) to devbox-ledger, one after the other, and deletes each when
 * it is acknowledged. The ledger takes a repeated row for the same one. */

#include "basic/backoff.h"
#include "bus/client.h"
#include "mesh/store.h"

typedef struct Outbox {
        const Store *store;
        BusClient client;
        BusRequest request;
        Backoff backoff;
        usec_t not_before_usec; /* CLOCK_MONOTONIC */
        int64_t seq;            /* of the row under way */
        uint64_t sent_total, rejected_total;
} Outbox;

void outbox_init(Outbox *outbox, const Store *store, sd_bus *bus);
void outbox_done(Outbox *outbox);

/* Sends the next row, if there is one, none is under way, and the last failure is long enough ago. */
void outbox_send(Outbox *outbox);
