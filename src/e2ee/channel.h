/* SPDX-License-Identifier: MIT */
#pragma once

/* Olm: sessions with other devices, and the messages that are encrypted in them. */

#include "e2ee/device.h"
#include "e2ee/e2ee-internal.h"

/* Who sent a message that passed all checks. Borrowed. */
typedef struct ChannelSender {
        const char *user_id, *curve25519, *ed25519;
} ChannelSender;

/* Stores a new session and drops the oldest of too many. */
int channel_session_add(E2ee *e2ee, RatchetSession *session, const char *curve25519);

/* 1: encrypted, as the content of an m.room.encrypted; 0: there is no session. `content` is borrowed. */
int channel_encrypt(E2ee *e2ee, const Device *device, const char *type, const cJSON *content,
                    cJSON **ret_encrypted);

typedef struct ChannelPlain {
        char *text; /* owned, secret; with a NUL behind its `size` bytes */
        size_t size;
        bool session_is_new; /* the message began the session */
} ChannelPlain;

#define CHANNEL_PLAIN_NULL ((ChannelPlain){ 0 })

void channel_plain_done(ChannelPlain *plain);

/* By the session that the message is for, or a new one that it begins. The caller clears `ret_plain`, also
 * on failure. Errors: those of ratchet_session_decrypt() and ratchet_session_inbound(). */
int channel_decrypt(E2ee *e2ee, const char *sender_key, const OlmMessage *message, ChannelPlain *ret_plain);
