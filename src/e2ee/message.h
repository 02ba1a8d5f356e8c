/* SPDX-License-Identifier: MIT */
#pragma once

/* Messages in encrypted rooms: the functions of Megolm that a client calls. */

#include "e2ee/e2ee.h"
#include "e2ee/identity.h"

/* ---- sending */

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

/* ---- receiving */

typedef enum DecryptOutcome {
        DECRYPT_PARKED = 1, /* without the key: the event is kept until it is received */
        DECRYPT_REPLAYED,   /* another event had the same message: this one must not count */
        DECRYPT_REJECTED,   /* malformed, altered, of another room or of another sender */
} DecryptOutcome;

typedef struct DecryptedEvent {
        cJSON *payload;   /* owned: {type, content, room_id, …} */
        const char *type; /* of the payload, as the content */
        const cJSON *content;
        char *curve25519;  /* owned: the sender's device */
        DeviceTrust trust; /* of that device, now */
        bool again;        /* this very event was decrypted before */
} DecryptedEvent;

#define DECRYPTED_EVENT_NULL ((DecryptedEvent){ 0 })

void decrypted_event_clear(DecryptedEvent *event);

/* An event of type m.room.encrypted from a timeline. 0: decrypted, cleared by the caller; > 0 a
 * DecryptOutcome. */
int e2ee_decrypt(E2ee *e2ee, const char *room_id, const cJSON *event, DecryptedEvent *ret_event);

/* The event was redacted: it is no longer parked. */
int e2ee_forget_parked(E2ee *e2ee, const char *room_id, const char *event_id);

/* A parked event whose key was received, which is then no longer parked: decrypt it. 1: there is one; the
 * caller frees the room id and deletes the event. */
int e2ee_next_recovered(E2ee *e2ee, char **ret_room_id, cJSON **ret_event);

/* An event that has been parked for a minute, once for each event. `ret_code` is why the sender's device
 * withheld the key ("m.unverified"), or NULL if it gave none. 1: there is one. The caller deletes and
 * frees. */
int e2ee_next_unreadable(E2ee *e2ee, char **ret_room_id, cJSON **ret_event, char **ret_code);
