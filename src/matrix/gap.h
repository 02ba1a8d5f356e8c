/* SPDX-License-Identifier: MIT */
#pragma once

/* Parts of timelines that a sync left out, after an absence. Each is read backwards, page by page, until
 * where the sync before ended; until then all newer events of its room wait, so that events are processed in
 * their order.
 *
 *         gap_open() ──► gap_next(), gap_receive() for each page ──► gap_release()
 *
 * All functions run inside the caller's transaction. Errors of all functions: those of store/database.h, and
 * -ENOMEM. */

#include "matrix/call.h"
#include "store/database.h"

/* `token`: prev_batch of the timeline; `since`: the token of the sync before. */
int gap_open(Database *database, const char *room_id, const char *token, const char *since);

/* 1: events of the room wait. */
int gap_is_open(Database *database, const char *room_id);

/* The event waits behind the room's newest gap. */
int gap_hold(Database *database, const char *room_id, const cJSON *event);

/* The next page of the oldest gap; events of `user_id`, ours, are left out. 1: there is one; the caller
 * frees the target of its GET. */
int gap_next(Database *database, const char *user_id, int64_t *ret_id, char **ret_target);

typedef enum GapOutcome {
        GAP_FILLED = 1, /* release it */
        GAP_ABANDONED,  /* too long, or the server refuses: the rest is missed, release it */
} GapOutcome;

/* 0: there is another page. */
int gap_receive(Database *database, int64_t id, const MatrixReply *reply);

/* The caller frees the id. */
int gap_room(Database *database, int64_t id, char **ret_room_id);

/* Calls the handler with each event that waits, the oldest first, and closes the gap. Stops at what it
 * returns if that is not 0, and returns it. */
typedef int GapHandler(const char *room_id, const cJSON *event, void *userdata);
int gap_release(Database *database, int64_t id, GapHandler *on_event, void *userdata);
