/* SPDX-License-Identifier: MIT */
#pragma once

/* The help that is pinned in the rooms of devices: one message in each, and a step of room-queue.h that pins
 * it. Pins that people change afterwards stay as they are. All functions run inside the caller's
 * transaction. Errors of all functions: those of store/database.h, and -ENOMEM. */

#include "matrix/call.h"
#include "store/query.h"

/* Puts the message for a room into the outbox, which has been done for it from then on. */
int room_help_add(Database *database, const char *room_id);

/* The server has it, and `event_id` is NULL if it refused it. */
int room_help_sent(Database *database, const char *room_id, const char *event_id);

/* The request that pins it, of a row with id, room and event. The caller frees both. */
int room_help_format_pin(const Statement *row, char **ret_target, char **ret_body);
int room_help_pinned(Database *database, const char *user_id, int64_t id, const MatrixReply *reply);
