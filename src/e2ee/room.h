/* SPDX-License-Identifier: MIT */
#pragma once

/* What encryption needs to know of a room: whether it is encrypted (which is never taken back), when its key
 * is replaced, and who is in it. */

#include "e2ee/e2ee-internal.h"

/* A state event, from the state or the timeline of a sync response. */
int room_receive_state(E2ee *e2ee, const char *room_id, const cJSON *event);

/* The room's key is replaced before the next message. */
int room_rotate(E2ee *e2ee, const char *room_id);

/* rooms.join of a sync response. After a gap in the timeline, members that the state names anew may have
 * left and returned unseen: the key is replaced. */
int room_receive_joined(E2ee *e2ee, const cJSON *rooms);
