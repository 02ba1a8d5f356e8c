/* SPDX-License-Identifier: MIT */
#pragma once

/* Megolm, sending. A room's session is replaced after a number of messages or a time, when a member left,
 * when a device that has its key is gone or no longer trusted, and when the history visibility changed;
 * newcomers get it from its current index on. Keys go to devices that their owner's identity signed, and to
 * no others. */

#include "e2ee/e2ee-internal.h"

typedef enum EncryptOutcome {
        ENCRYPT_WAIT = 1, /* requests are to be answered first: try again after them */
        ENCRYPT_NOT_HERE, /* the room is not encrypted, as far as we know */
} EncryptOutcome;

typedef struct RoomMessage {
        const char *room_id, *type;
        const cJSON *content;
        bool hurry; /* 5 s have passed: wait neither for device lists nor for one-time keys, share later */
} RoomMessage;

/* The content of the m.room.encrypted to send; `m.relates_to` stays in clear. The caller stores it in the
 * same transaction, with a transaction id, and sends these bytes and no others after the commit. */
int e2ee_encrypt(E2ee *e2ee, const RoomMessage *message, cJSON **ret_content);

/* The device made a new Olm session: it gets the current room keys again that it got before. */
int outbound_share_again(E2ee *e2ee, const char *curve25519);

/* A to-device m.room_key_request. Answered only where the very device got that key before, with the same
 * key. */
int outbound_receive_request(E2ee *e2ee, const cJSON *event);

int outbound_plan(E2ee *e2ee);
