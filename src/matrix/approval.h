/* SPDX-License-Identifier: MIT */
#pragma once

/* Requests that wait for people: a message in #operator-approvals, and the reactions to it.
 *
 * Reactions are in clear: a homeserver can forge one. So they are only passed on, as what they are, and
 * the dispatcher lets them satisfy the tier `reaction` alone. All functions run inside the caller's
 * transaction. Errors of all functions: those of store/database.h, and -ENOMEM. */

#include "e2ee/e2ee.h"
#include "matrix/answer.h"
#include "matrix/call.h"
#include "trust/approval.h"

/* Announces a request, once, with what it asks for as output: if that is too long for a message, all of it
 * is in a file beside. 0: done, or announced before; 1: no person could read it yet. */
int approval_add(Database *database, const char *request_id, ApprovalTier tier, const Answer *announcement);

/* Attaches, once, what an announced request would write: its arguments have the digest of it. */
int approval_show_content(Database *database, const char *request_id, Bytes content);

/* The next announced request after that id ("": the first) whose end was not announced. 1: there is one; the
 * caller frees the id. */
int approval_next_open(Database *database, const char *after_id, char **ret_request_id);

/* Whether the end of that request was not announced. 1: it was not. */
int approval_is_open(Database *database, const char *request_id);

/* The message of the request was sent; NULL: refused. Adds the reactions to it that decide, so that one tap
 * suffices, if the request still waits: a thumb down, and where the tier is `reaction` a thumb up. */
int approval_sent(Database *database, const char *request_id, const char *event_id);

/* One of these reactions was sent; NULL: refused. It is redacted with the verdict. */
int approval_thumb_sent(Database *database, const char *request_id, const char *event_id);

typedef struct Reaction {
        const char *room_id, *event_id, *sender, *target, *key; /* borrowed */
} Reaction;

/* A thumb up or down, in any skin, on a request that waits, also before its message is known to be sent;
 * others are ignored. */
int approval_react(Database *database, const Reaction *reaction);

/* A reaction was taken back: the decision is, too. */
int approval_unreact(Database *database, const char *event_id);

/* A reaction that was not passed on is read once more, by GET, as it may have been taken back in a sync that
 * is not here yet. 1: there is one; the caller frees the target. */
int approval_next_check(Database *database, int64_t *ret_id, char **ret_target);

/* The answer: one that is not there any more counts as if it had never been. */
int approval_checked(Database *database, int64_t id, const MatrixReply *reply);

typedef struct Decision {
        char *reaction_id, *request_id, *user_id, *message_id, *room_id; /* owned */
        bool approve;
        bool withdraw; /* takes the decision back */
} Decision;

#define DECISION_NULL ((Decision){ 0 })

void decision_done(Decision *decision);

/* The first one that was checked, or withdrawn, and not passed on. 1: there is one. */
int approval_next_decision(Database *database, Decision *ret_decision);

/* Whether there is one on this request. */
int approval_has_decision(Database *database, const char *request_id);

/* The dispatcher has accepted it, or not. */
int approval_decided(Database *database, const Decision *decision, bool accepted);

/* A decision that is a command, from before the dispatcher gets it; `id` may be the end of the request's. If
 * its message is redacted meanwhile, it is taken back as soon as it is accepted. */
int approval_begin(Database *database, const char *event_id, const char *id, const char *user_id,
                   bool approve);
int approval_end(Database *database, const char *event_id, bool accepted);

/* At the start: whether those that were under way were accepted is unknown; they can be taken back. Those
 * that were not passed on are checked again. */
int approval_recover(Database *database);

/* Who of this chat has approved, or denied: "@ana:x, @ben:x". 1: there are some; the caller frees them. */
int approval_deciders(Database *database, const char *request_id, bool approve, char **ret_users);

/* The request waits no longer: the message becomes the verdict, without our reactions. */
int approval_close(Database *database, const char *request_id, const char *verdict);
