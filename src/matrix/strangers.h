/* SPDX-License-Identifier: MIT */
#pragma once

/* Members of our rooms who are not what the manifests say, which people learn by alerts: whom we did not
 * invite, and whom the homeserver has let in; whose identity is not pinned, or not the pinned one, so that
 * they get no keys. */

#include "store/database.h"

/* A sync had something of the room, or identities were asked for; `user_id` is ours. What was wrong and no
 * longer is gets taken back. Inside the caller's transaction. Errors: those of store/database.h, and
 * -ENOMEM. */
int strangers_report(Database *database, const char *user_id, const char *room_id);
