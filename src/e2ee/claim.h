/* SPDX-License-Identifier: MIT */
#pragma once

/* Claiming one-time keys of other devices to begin Olm sessions: because a room key is to be sent there, or
 * to replace a session that is wedged. A device without keys is asked again later and later. */

#include "e2ee/e2ee-internal.h"

/* A session with that device is wanted. */
int claim_want(E2ee *e2ee, const char *user_id, const char *curve25519);

/* A message of the device could not be read: a new session, with an m.dummy in it. At most once an hour; the
 * device need not be known yet. */
int claim_unwedge(E2ee *e2ee, const char *user_id, const char *curve25519);

/* The other side created a session: nothing is pending any more but an m.dummy that is due. */
int claim_on_session(E2ee *e2ee, const char *curve25519);

int claim_plan(E2ee *e2ee);
int claim_on_claimed(E2ee *e2ee, const cJSON *context, const cJSON *response);
int claim_on_refused(E2ee *e2ee, const cJSON *context, const cJSON *response);
