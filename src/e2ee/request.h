/* SPDX-License-Identifier: MIT */
#pragma once

/* The queue of outgoing requests. A row is committed together with the ratchet that encrypted it. */

#include "e2ee/e2ee-internal.h"

typedef struct NewRequest {
        E2eeRequestKind kind;
        const char *target; /* NULL: none, as for the room */
        cJSON *body;        /* taken, as the context, also on failure */
        cJSON *context;     /* what the answer is read with; NULL: nothing */
        const char *room_id;
} NewRequest;

/* `ret_id` may be NULL. */
int request_add(E2ee *e2ee, const NewRequest *request, int64_t *ret_id);

/* 1: a request of that kind waits for its answer: there is never more than one of those that read state. */
int request_is_pending(E2ee *e2ee, E2eeRequestKind kind);

/* One unencrypted to-device message. Takes the content, also on failure. */
int to_device_send(E2ee *e2ee, const char *type, const char *user_id, const char *device_id, cJSON *content);

/* An opaque id of 16 random bytes in hexadecimal. */
#define RANDOM_ID_SIZE 33
int random_id(char ret_id[static RANDOM_ID_SIZE]);
