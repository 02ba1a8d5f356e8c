/* SPDX-License-Identifier: MIT */
#pragma once

/* The client of a service on the bus: asynchronous calls with a deadline that outlive neither the client nor
 * its connection, and one line in the log when the service stops answering and when it answers again. */

#include <sys/queue.h>
#include <systemd/sd-bus.h>

#include "basic/time.h"
#include "proto/error.h"

typedef struct BusService {
        const char *title; /* in the log: "devbox-collector"; NULL: it may be absent, which is not logged */
        const char *name, *path; /* its object, whose interface has the same name */
        usec_t deadline_usec;    /* of a call */
        DevboxError unavailable, timeout;
        const char *lost_message_id, *back_message_id; /* NULL: none */
} BusService;

/* The result of a call: the message, or (> 0) a DevboxError and perhaps its details; all borrowed. */
typedef struct BusReply {
        sd_bus_message *message;
        int reason;
        const char *detail;
} BusReply;

typedef struct BusRequest BusRequest;
typedef void (*BusReplyHandler)(BusRequest *request, const BusReply *reply);

typedef struct BusClientStats {
        uint64_t calls_total, failed_total;
} BusClientStats;

typedef struct BusClient {
        const BusService *service; /* set by the owner */

        sd_bus *bus; /* NULL: not connected */
        LIST_HEAD(, BusRequest) pending;
        bool lost;
        BusClientStats stats;
} BusClient;

/* One call at a time, embedded in what waits for it; zeroed at first. */
struct BusRequest {
        BusClient *client;
        BusReplyHandler on_reply;
        sd_bus_slot *slot; /* NULL: not pending */
        LIST_ENTRY(BusRequest) entry;
};

/* Takes a reference on the bus. */
void bus_client_attach(BusClient *client, sd_bus *bus);

/* The connection is lost: pending calls, and later ones, end with DEVBOX_ERROR_BUS_UNAVAILABLE. */
void bus_client_detach(BusClient *client);

/* Pending calls end without a reply. */
void bus_client_done(BusClient *client);

/* A call of the service's own interface with arguments as for sd_bus_message_append(), `types` NULL: none
 * so far. The caller unrefs it, or passes it on. NULL: not connected, or it could not be made. */
sd_bus_message *bus_client_new_call(const BusClient *client, const char *member, const char *types, ...);

/* Sends a call, which it takes; NULL: it could not be made. on_reply() is called exactly once, perhaps
 * before this returns, and may free the request. */
void bus_client_send_take(BusClient *client, BusRequest *request, sd_bus_message *take_call,
                          BusReplyHandler on_reply);

/* Ends a pending call without a reply. */
void bus_request_cancel(BusRequest *request);
