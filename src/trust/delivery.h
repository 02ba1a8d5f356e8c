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
        int64_t counter; /* from 1, used once within the session, for each dispatcher */
        Sha256 request_sha256;
        bool withdraws; /* the request: it must never be accepted after this */
} Delivery;

/* The counters of a session, for each dispatcher: one cannot use up those of another. Deliveries have a
 * connection each, so that one may overtake another: the anti-replay window of RFC 4303, section 3.4.3. One
 * that is overtaken by more is denied, and delivered again. */
#define DELIVERY_WINDOW       64
#define DELIVERY_COUNTERS_MAX 64

typedef struct DeliveryCountersRow {
        PublicKey dispatcher;
        int64_t last;  /* the highest that was used; 0: none */
        uint64_t used; /* bit i: last - i */
} DeliveryCountersRow;

typedef struct DeliveryCounters {
        DeliveryCountersRow rows[DELIVERY_COUNTERS_MAX];
        size_t n;
} DeliveryCounters;

/* Whether it was not used, and is not below the window. */
bool delivery_counters_allow(const DeliveryCounters *counters, const PublicKey *dispatcher, int64_t counter);

/* Uses an allowed counter; if `final`, all lower ones with it.
 *
 * Errors: -ENOBUFS too many dispatchers in this session. */
int delivery_counters_use(DeliveryCounters *counters, const PublicKey *dispatcher, int64_t counter,
                          bool final);

extern const Schema delivery_schema;
DEFINE_DOCUMENT(Delivery, delivery);
