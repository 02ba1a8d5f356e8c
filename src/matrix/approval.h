/* SPDX-License-Identifier: MIT */
#pragma once

/* Requests that wait for people: a message in #operator-approvals, and the reactions to it.
 *
 * Reactions are in clear: a homeserver can forge one. So they are only passed on, as what they are, and
 * the dispatcher lets them satisfy the tier `reaction` alone. All functions run inside the caller's
 * transaction. Errors of all functions: those of store/database.h, and -ENOMEM. */

#include "e2ee/e2ee.h"

/* Announces a request, once; `line` says who asks for what. 0: done, or announced before; 1: the room does
 * not exist yet. */
int approval_add(Database *database, const char *request_id, const char *line);

/* The message of the request was sent; NULL: refused. Adds both reactions to it, so that one tap suffices.
 */
int approval_sent(Database *database, const char *request_id, const char *event_id);

typedef struct Reaction {
        const char *room_id, *event_id, *sender, *target, *key; /* borrowed */
} Reaction;

/* A thumb up or down, in any skin, on a request that waits; others are ignored. */
int approval_react(Database *database, const Reaction *reaction);

/* A reaction was taken back: if it was not passed on yet, it never is. */
int approval_unreact(Database *database, const char *event_id);

typedef struct Decision {
        char *reaction_id, *request_id, *user_id, *message_id; /* owned */
        bool approve;
} Decision;

#define DECISION_NULL ((Decision){ 0 })

void decision_done(Decision *decision);

/* The first one that was not passed on. 1: there is one. */
int approval_next_decision(Database *database, Decision *ret_decision);
int approval_decided(Database *database, const char *reaction_id);

/* The request waits no longer: the message becomes the verdict. */
int approval_close(Database *database, const char *request_id, const char *verdict);
