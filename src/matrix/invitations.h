/* SPDX-License-Identifier: MIT */
#pragma once

/* Invitations to rooms that we did not make: those of people whom a manifest names are accepted, since apps
 * verify in a room of two; all others are declined. What is written there counts as in any other room. */

#include "store/database.h"

#include <cjson/cJSON.h>

/* A member of rooms.invite of a sync response, in its transaction; `user_id` is ours. Errors: those of
 * store/database.h, and -ENOMEM. */
int invitation_receive(Database *database, const char *user_id, const cJSON *room);
