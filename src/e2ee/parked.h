/* SPDX-License-Identifier: MIT */
#pragma once

/* Events that wait for their key: the key is asked for after three seconds, and after a minute the room can
 * explain why there is none. And those whose sender's device is not known, though it may be soon. */

#include "e2ee/e2ee-internal.h"

typedef enum ParkedFor { PARKED_FOR_KEY, PARKED_FOR_DEVICE } ParkedFor;

int parked_add(E2ee *e2ee, const char *room_id, const char *session_id, const cJSON *event, ParkedFor what);

/* The key of a session was received, or a better one. */
int parked_on_key(E2ee *e2ee, const char *room_id, const char *session_id);

/* The devices of the user were received. */
int parked_on_devices(E2ee *e2ee, const char *user_id);

/* A to-device m.room_key.withheld. */
int parked_receive_withheld(E2ee *e2ee, const cJSON *event);

/* Asks for the keys of events that have been parked for three seconds. */
int parked_plan(E2ee *e2ee);
