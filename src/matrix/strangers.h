/* SPDX-License-Identifier: MIT */
#pragma once

/* Members of our rooms whom we did not invite: they can read what is written from then on, so the people
 * with the approvals learn of them. */

#include "store/database.h"

/* A sync had something of the room, and its members are up to date; `user_id` is ours. Each stranger is
 * reported once, until they leave. Inside the caller's transaction. Errors: those of store/database.h, and
 * -ENOMEM. */
int strangers_report(Database *database, const char *user_id, const char *room_id);
