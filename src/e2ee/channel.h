/* SPDX-License-Identifier: MIT */
#pragma once

/* Olm: encrypted messages between two devices. What arrives is answered for by the checks of the
 * specification
 * ("Validation of incoming decrypted events"): sender, recipient, both devices' keys. A message that does
 * not decrypt, and is no replay, wedges the session: then a new one is made and an m.dummy sent in it, at
 * most once per device and hour, also where there never was a session. */

#include "e2ee/e2ee-internal.h"

#define WEDGED_INTERVAL_MS MS_PER_HOUR

/* Who sent a message that passed all checks. Borrowed. */
typedef struct ChannelSender {
        const char *user_id, *curve25519, *ed25519;
} ChannelSender;

/* A to-device event of type m.room.encrypted. Hands what is inside to its file. */
int channel_receive(E2ee *e2ee, const cJSON *event);

/* 1: encrypted, as the content of an m.room.encrypted; 0: there is no session. `content` is borrowed. */
int channel_encrypt(E2ee *e2ee, const Device *device, const char *type, const cJSON *content,
                    cJSON **ret_encrypted);

/* Remembers a new session and drops the oldest of too many. */
int channel_session_add(E2ee *e2ee, RatchetSession *session, const char *curve25519);
