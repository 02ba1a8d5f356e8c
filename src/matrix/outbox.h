/* SPDX-License-Identifier: MIT */
#pragma once

/* Events on their way to rooms. A row is committed before it is sent, and is sent under its transaction id
 * with the same bytes until the server has it. All functions run inside the caller's transaction.
 *
 * Errors of all functions: those of store/database.h, and -ENOMEM. */

#include "e2ee/e2ee.h"
#include "e2ee/json.h"

/* Takes the content, also on failure. */
int outbox_add_take(Database *database, const char *room_id, const char *type, cJSON *content);

/* A message that announces a request, which learns the event's id. */
int outbox_add_approval_take(Database *database, const char *room_id, cJSON *content,
                             const char *request_id);

typedef struct OutboxEvent {
        int64_t seq;
        char *room_id, *type, *content, *txn_id; /* owned */
} OutboxEvent;

#define OUTBOX_EVENT_NULL ((OutboxEvent){ 0 })

void outbox_event_done(OutboxEvent *event);

typedef enum OutboxOutcome {
        OUTBOX_EMPTY = 1,
        OUTBOX_WAIT, /* for requests of e2ee, or for the room's state: try again a second later */
} OutboxOutcome;

/* The first event, encrypted: commit, then send it. After 5 s at the head of the queue it no longer waits
 * for keys of devices that cannot be had. */
int outbox_first(Database *database, E2ee *e2ee, int64_t now_ms, OutboxEvent *ret_event);

/* The server has it, or (`code` is not NULL) refused it for good: then the row stays, and the next follows.
 */
int outbox_answered(Database *database, int64_t seq, const char *code);

/* The request that the event announces. 1: there is one; the caller frees the id. */
int outbox_approval(Database *database, int64_t seq, char **ret_request_id);
