/* SPDX-License-Identifier: MIT */
#pragma once

/* Sends the rows of a table to devbox-ledger, one call each, one after the other, and deletes each when it
 * is acknowledged. A row is inserted inside the transaction of the change that it reports, and the ledger
 * takes a repeated row for the same one, so that no crash loses or doubles an entry. */

#include "basic/backoff.h"
#include "bus/client.h"
#include "store/query.h"

typedef struct OutboxRows {
        const char
                *next; /* selects the oldest row: its number, a method of Ledger1, and what append() reads */
        const char *remove;  /* deletes the row of a number */
        const char *subject; /* in the log: "of the network" */
        int (*append)(sd_bus_message *call, const char *method, const Statement *row);
} OutboxRows;

typedef struct Outbox {
        const OutboxRows *rows;
        Database *const *database; /* NULL there: not open */
        BusClient client;
        BusRequest request;
        Backoff backoff;
        sd_event_source *timer; /* enabled after a failure, until the next attempt */
        int64_t seq;            /* of the row under way */
        uint64_t sent_total, rejected_total;
} Outbox;

/* Arguments are borrowed; the bus is attached to a loop. Errors: those of sd-event. */
int outbox_init(Outbox *outbox, const OutboxRows *rows, Database *const *database, sd_bus *bus);
void outbox_done(Outbox *outbox);

/* Sends the next row, if there is one, none is under way, and the last failure is long enough ago. */
void outbox_send(Outbox *outbox);

/* For append(): the arguments of Record up to the id; any pairs follow, then
 * sd_bus_message_close_container(). Errors: those of sd-bus. */
int outbox_open_record(sd_bus_message *call, const char *kind, const char *device, const char *id);
int outbox_append_pair(sd_bus_message *call, const char *key, const char *value);
