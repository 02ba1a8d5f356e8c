/* SPDX-License-Identifier: MIT */
#pragma once

/* Encrypted to-device events. What arrives is answered for by the checks of the specification ("Validation
 * of incoming decrypted events"): sender, recipient, both devices' keys. A message that does not decrypt,
 * and is no replay, wedges the session: then a new one is made (e2ee/claim.h), also where there never was a
 * session. */

#include "e2ee/e2ee-internal.h"

/* A to-device event of type m.room.encrypted. Hands what is inside to its file. */
int olm_event_receive(E2ee *e2ee, const cJSON *event);
