/* SPDX-License-Identifier: MIT */
#pragma once

/* A delivery: binds one request to one session of a device. Fresh for each attempt, so that a recorded one
 * is invalid in the next session, also on a device that was restored from a backup. */

#include "crypto/sha256.h"
#include "schema/schema.h"

#define SESSION_NONCE_SIZE 16

typedef struct Delivery {
        char *device;
        uint8_t session[SESSION_NONCE_SIZE];
        int64_t counter; /* from 1, strictly increasing within the session */
        Sha256 request_sha256;
} Delivery;

extern const Schema delivery_schema;
DEFINE_DOCUMENT(Delivery, delivery);
