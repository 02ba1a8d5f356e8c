/* SPDX-License-Identifier: MIT */
#pragma once

/* Megolm, receiving: room keys, events, and why one cannot be read.
 *
 * A key counts only if its sender gave it to us by Olm; forwarded keys and backups are not accepted. A
 * session is looked up by room and session id alone, belongs to the device whose Olm message brought it, and
 * reads only events of that device's user. Each index of a session belongs for ever to the first event that
 * used it. */

#include "e2ee/channel.h"
#include "e2ee/e2ee-internal.h"
#include "e2ee/identity.h"

typedef enum DecryptOutcome {
        DECRYPT_PARKED = 1, /* the key has not come: the event is kept until it does */
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

/* A parked event whose key has come, which is then no longer parked: decrypt it. 1: there is one; the caller
 * frees the room id and deletes the event. */
int e2ee_next_recovered(E2ee *e2ee, char **ret_room_id, cJSON **ret_event);

/* An event that has been parked for a minute, once for each event. `ret_code` is why the sender's device
 * withheld the key ("m.unverified"), or NULL if it did not say. 1: there is one. The caller deletes and
 * frees. */
int e2ee_next_unreadable(E2ee *e2ee, char **ret_room_id, cJSON **ret_event, char **ret_code);

/* An m.room_key from an Olm message. */
int inbound_receive_key(E2ee *e2ee, const ChannelSender *sender, const cJSON *content);

/* Our own outbound session, to read our own messages with. */
int inbound_add(E2ee *e2ee, const ChannelSender *sender, const char *room_id, const char *session_key);

/* A to-device m.room_key.withheld. */
int inbound_receive_withheld(E2ee *e2ee, const cJSON *event);

/* Asks for the keys of events that have been parked for three seconds. */
int inbound_plan(E2ee *e2ee);
