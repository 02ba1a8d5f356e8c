/* SPDX-License-Identifier: MIT */
#pragma once

/* A delivery: binds one request to one session of a device. Fresh for each attempt, so that a recorded one
 * is invalid in the next session, also on a device that was restored from a backup. */

#include "crypto/ed25519.h"
#include "crypto/sha256.h"
#include "schema/schema.h"

#define SESSION_NONCE_SIZE 16

typedef struct Delivery {
        char *device;
        uint8_t session[SESSION_NONCE_SIZE];
        int64_t counter; /* from 1, strictly increasing within the session, for each dispatcher */
        Sha256 request_sha256;
        bool withdraws; /* the request: it must never be accepted after this */
} Delivery;

/* The last counter of each dispatcher in a session: one cannot use up the counters of another. */
#define DELIVERY_COUNTERS_MAX 64

typedef struct DeliveryCounters {
        struct {
                PublicKey dispatcher;
                int64_t last;
        } rows[DELIVERY_COUNTERS_MAX];
        size_t n;
} DeliveryCounters;

/* 0: no delivery yet. */
int64_t delivery_counters_last(const DeliveryCounters *counters, const PublicKey *dispatcher);

/* Errors: -ENOBUFS too many dispatchers in this session. */
int delivery_counters_set(DeliveryCounters *counters, const PublicKey *dispatcher, int64_t counter);

extern const Schema delivery_schema;
DEFINE_DOCUMENT(Delivery, delivery);
