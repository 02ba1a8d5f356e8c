/* SPDX-License-Identifier: MIT */
#pragma once

/* A homeserver that was restored from a backup. It goes on at an earlier point, and may send nothing of what
 * is written until it reaches the token of our last sync again. So after each interruption, before the next
 * sync counts, it is asked for the last event that it has sent; if it does not have that, all rooms are read
 * anew. What was received before stays known, so nothing runs twice.
 *
 * All functions run inside the caller's transaction. Errors of all functions: those of store/database.h, and
 * -ENOMEM. */

#include "e2ee/e2ee.h"
#include "matrix/call.h"

/* What the sync response has is the last that the homeserver has sent. A room of ours that we were taken out
 * of, or that an administrator has deleted, is made anew. */
int rewind_note(Database *database, const cJSON *rooms);

/* 1: this is to be asked, by GET; the caller frees it. */
int rewind_next(Database *database, char **ret_target);

/* The answer. 1: the next sync has no token. */
int rewind_answered(Database *database, E2ee *e2ee, const MatrixReply *reply);

/* After a sync without a token: the rooms that are not among those we are in are made anew, and who is not
 * in theirs is invited again. */
int rewind_review(Database *database, const cJSON *joined);
