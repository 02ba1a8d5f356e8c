/* SPDX-License-Identifier: MIT */
#pragma once

/* The help that is pinned in the rooms of devices: a message, and a pin that keeps those of people. Members
 * who could not read it, as they came later or their identity was pinned later, get another one, which takes
 * its place. All functions run inside the caller's transaction. Errors of all functions: those of
 * store/database.h, and -ENOMEM. */

#include "matrix/call.h"
#include "store/query.h"

/* Puts a message into the outbox if there is a room with a member who lacks it: at once if it is the room's
 * first, else a minute after the first such member, and once all are invited. 1: it did. */
int room_help_add(Database *database, int64_t now_ms);

/* The server has it, and `event_id` is NULL if it refused it. */
int room_help_sent(Database *database, const char *room_id, const char *event_id);

/* 1: a help is to be pinned. The target, which the caller frees, is that of the pins: GET, and then PUT if
 * their answer asks for it. A PUT is never repeated, as people may have changed the pins since: this
 * function begins again. */
int room_help_next_pin(Database *database, int64_t *ret_id, char **ret_target);

/* The answer to the GET. 1: the body of the PUT, which the caller frees; 0: there is nothing to do. */
int room_help_pins_received(Database *database, int64_t id, const MatrixReply *reply, char **ret_body);

/* The answer to the PUT. */
int room_help_pinned(Database *database, int64_t id, const MatrixReply *reply);
