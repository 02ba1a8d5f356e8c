/* SPDX-License-Identifier: MIT */
#pragma once

/* Whose device lists are tracked, which is all users that share an encrypted room with us, and which of them
 * are dirty.
 *
 * A list is dirty from the first sign of a change until an answer to /keys/query that was asked for after
 * that moment: each change counts up a generation, and an answer cleans the list only if the generation is
 * still the one it was asked with. */

#include "e2ee/e2ee-internal.h"

/* Starts tracking a user's list; no effect if it is tracked. */
int device_list_track(E2ee *e2ee, const char *user_id);

/* The list of a user may have changed; no effect on users that are not tracked. */
int device_list_mark_dirty(E2ee *e2ee, const char *user_id);

/* The same if the list has no device of that key. */
int device_list_mark_dirty_if_unknown(E2ee *e2ee, const char *user_id, const char *curve25519);

/* device_lists of a sync response. */
int device_list_receive(E2ee *e2ee, const cJSON *device_lists);
