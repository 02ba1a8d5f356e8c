/* SPDX-License-Identifier: MIT */
#pragma once

/* What happens in the network: a line in the log, a signal, and on the hub an entry in its audit chain. */

#include "audit/entry.h"
#include "crypto/ed25519.h"
#include "store/query.h"

typedef enum MeshEvent {
        MESH_EVENT_INVITED,
        MESH_EVENT_WITHDRAWN,
        MESH_EVENT_EXPIRED,
        MESH_EVENT_CLAIMED,
        MESH_EVENT_CLAIM_REJECTED,
        MESH_EVENT_HELD,
        MESH_EVENT_TOKEN_REUSED,
        MESH_EVENT_ADMITTED,
        MESH_EVENT_ACTIVE,
        MESH_EVENT_REVOKE_REQUESTED, /* by an operator, in a chat: the detail */
        MESH_EVENT_REVOKED,
        MESH_EVENT_STALE,
        MESH_EVENT_DRIFT,
        MESH_EVENT_DEGRADED,
        MESH_EVENT_RECOVERED,
        MESH_EVENT_MANIFEST_PUBLISHED,
        MESH_EVENT_MANIFEST_REJECTED,
        MESH_EVENT_MANIFEST_EXPIRING,
        _MESH_EVENT_MAX,
} MeshEvent;

typedef struct MeshEventType {
        const char *name; /* in the signal; for Ledger1.Record, too, if it is recorded */
        const char *text; /* in the log */
        int level;
        bool recorded;
        bool rejects; /* the detail is a code, which is in the log line */
        bool alarm;   /* kept for a week: alarm_each() */
} MeshEventType;

extern const MeshEventType mesh_event_types[_MESH_EVENT_MAX];

#define EVENT_BACKLOG_MAX 64

/* Events that the database has not taken yet, in order; one that is full drops the latest. */
typedef struct EventBacklog {
        struct {
                MeshEvent event;
                char device[DEVICE_NAME_SIZE], detail[128];
        } items[EVENT_BACKLOG_MAX];
        size_t n;
} EventBacklog;

/* Returns whether there was room. */
bool event_backlog_add(EventBacklog *backlog, MeshEvent event, const char *device, const char *detail);

/* Rows of the outbox, inside the caller's transaction: what devbox-ledger is to be given, in this order.
 * `detail` is at most 512 bytes; it and `device` may be empty. Of an alarm there is a row of its own, too.
 */
int outbox_add_record(Database *database, MeshEvent event, const char *device, const char *detail);
int outbox_add_pin(Database *database, const char *device, const ChainId *chain, const PublicKey *key);
int outbox_add_unpin(Database *database, const char *device);

/* An event that is kept for clients that did not run when it was announced. Borrowed for the call of the
 * handler. */
typedef struct Alarm {
        uint64_t time_ms; /* CLOCK_REALTIME */
        const char *kind, *device, *detail;
} Alarm;

/* The alarms of a week, the last 500, oldest first: of those of a kind and a device in one hour, the first.
 * Stops at what the handler returns if that is not 0, and returns it. Errors: those of store/database.h. */
int alarm_each(Database *database, int (*on_alarm)(const Alarm *alarm, void *userdata), void *userdata);
