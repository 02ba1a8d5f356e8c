/* SPDX-License-Identifier: MIT */
#pragma once

/* Megolm, sending. A room's session is replaced after a number of messages or a time, when a member left,
 * when a device that has its key was deleted or is no longer trusted, and when the history visibility
 * changed; newcomers get it from its current index on. Keys go to devices that their owner's identity
 * signed, and to no others. */

#include "e2ee/e2ee-internal.h"

/* The device made a new Olm session: it gets the current room keys again that it got before. */
int outbound_share_again(E2ee *e2ee, const char *curve25519);

/* A to-device m.room_key_request. Answered only where the very device got that key before, with the same
 * key. */
int outbound_receive_request(E2ee *e2ee, const cJSON *event);

int outbound_plan(E2ee *e2ee);
