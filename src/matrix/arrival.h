/* SPDX-License-Identifier: MIT */
#pragma once

/* Since when we are in a room. What was written before, while we were only invited or had left, is shown to
 * us when we come, and is no command.
 *
 * Both functions run inside the caller's transaction. Errors: those of store/database.h, and -ENOMEM. */

#include <cjson/cJSON.h>

#include "store/database.h"

/* The event of a room may be our arrival, of which the last counts. */
int arrival_note(Database *database, const char *user_id, const char *room_id, const cJSON *event);

/* 1: what was sent then was sent before we came. */
int arrival_is_later(Database *database, const char *room_id, int64_t sent_ms);
