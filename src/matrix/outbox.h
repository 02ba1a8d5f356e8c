/* SPDX-License-Identifier: MIT */
#pragma once

/* Events on their way to rooms. A row is committed before it is sent, and is sent under its transaction id
 * with the same bytes until the server has it. All functions run inside the caller's transaction.
 *
 * Errors of all functions: those of store/database.h, and -ENOMEM. */

#include "e2ee/e2ee.h"
#include "e2ee/json.h"

/* Servers know transaction ids for a day, or less. */
#define OUTBOX_REPEAT_MS (INT64_C(12) * 3600 * 1000)

/* Whoever learns the id of an event when it was sent. */
typedef enum OutboxOwnerKind {
        OUTBOX_NO_OWNER,
        OUTBOX_APPROVAL, /* of a request's id, which the message announces */
        OUTBOX_ALERT,    /* of an alert's key */
        OUTBOX_STATUS,   /* these two of a command's event id: the reaction to it, and its answer */
        OUTBOX_ANSWER,
        OUTBOX_REQUEST, /* of the id of a request of src/e2ee, in decimal */
        OUTBOX_HELP,    /* of a room's id */
        OUTBOX_THUMB,   /* of the id of a request whose announcement it is a reaction to */
        _OUTBOX_OWNER_MAX,
} OutboxOwnerKind;

typedef struct OutboxItem {
        const char *room_id, *type;
        const char *target; /* of m.room.redaction and m.receipt: the event that they are about; else NULL */
        OutboxOwnerKind owner_kind;
        const char *owner_id; /* NULL: no owner */
} OutboxItem;

/* Both take the content, also on failure. */
int outbox_put_take(Database *database, const OutboxItem *item, cJSON *content);
int outbox_add_take(Database *database, const char *room_id, const char *type, cJSON *content);

/* A request of kind E2EE_ROOM_EVENT, once. */
int outbox_add_request(Database *database, const E2eeRequest *request);

/* The last event of an owner that was not sent: 1: may still be replaced; 2: is encrypted or in clear, so
 * that it may be under way; 0: there is none. */
int outbox_find(Database *database, OutboxOwnerKind kind, const char *owner_id);

/* Another content for the one that may be replaced. Takes the content, also on failure. */
int outbox_replace_take(Database *database, OutboxOwnerKind kind, const char *owner_id, cJSON *content);

typedef struct OutboxEvent {
        int64_t seq;
        char *room_id, *type, *target, *content, *txn_id; /* owned; target NULL: none */
} OutboxEvent;

#define OUTBOX_EVENT_NULL ((OutboxEvent){ 0 })

void outbox_event_done(OutboxEvent *event);

/* 1: the first event may have been sent so long ago that the server has forgotten its transaction id, and
 * would take it for another one: the newest of our events in its room say whether it has it. The caller
 * frees the room's id. */
int outbox_is_doubtful(Database *database, int64_t now_ms, int64_t *ret_seq, char **ret_room_id);

/* These are the newest. 1: it is there, and the caller frees its id; 0: it is sent again. */
int outbox_recognise(Database *database, int64_t now_ms, int64_t seq, const cJSON *events,
                     char **ret_event_id);

typedef enum OutboxOutcome {
        OUTBOX_EMPTY = 1,
        OUTBOX_WAIT, /* for requests of e2ee, or for the room's state: try again a second later */
} OutboxOutcome;

/* The first event, encrypted: commit, then send it. After 5 s at the head of the queue it no longer waits
 * for keys of devices that cannot be had. */
int outbox_first(Database *database, E2ee *e2ee, int64_t now_ms, OutboxEvent *ret_event);

/* The server has it, or (`code` is not NULL) refused it for good: then the row stays for ten thousand more,
 * and the next follows. */
int outbox_answered(Database *database, int64_t seq, const char *code);

/* 1: it has an owner; the caller frees the id. */
int outbox_owner(Database *database, int64_t seq, OutboxOwnerKind *ret_kind, char **ret_id);
