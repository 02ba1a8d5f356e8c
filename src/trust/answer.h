/* SPDX-License-Identifier: MIT */
#pragma once

/* The hub's answer to a claim: it waits for the operator, or the device is admitted. JSON in a box that only
 * the device with the claim's ephemeral key can open and only the hub can have made. What it says of rights
 * counts for nothing: roots and manifest are signed by the operator, and the device verifies them.
 *
 * The same claim gets an answer as often as it asks, also after it was admitted. */

#include "crypto/secretbox.h"
#include "proto/id.h"
#include "schema/schema.h"
#include "trust/enrolment.h"

#define ANSWER_SIZE_MAX   (256 * 1024) /* with the box around it */
#define ANSWER_ROOTS_MAX  16
#define ANSWER_CHAIN_SIZE 16

typedef enum AnswerState {
        ANSWER_PENDING, /* claimed; ask again after `retry_ms` */
        ANSWER_ADMITTED,
        _ANSWER_STATE_MAX,
} AnswerState;

typedef struct AnswerRoot {
        char *envelope;
} AnswerRoot;

typedef struct Answer {
        int state;                           /* AnswerState */
        uint8_t nonce[ENROLMENT_NONCE_SIZE]; /* for the digits; zeros: the token is bound, there are none */
        int64_t retry_ms;
        int64_t hub_time_ms;

        /* Only when admitted. */
        uint8_t hub_ephemeral[X25519_SIZE]; /* for the preshared key */
        char *network, *prefix;             /* "home", "10.42.0.0/24" */
        char *address, *hub_address;        /* "10.42.0.10", "10.42.0.1" */
        int64_t keepalive_s, mtu;
        uint8_t chain_id[ANSWER_CHAIN_SIZE];
        int64_t lost_size; /* of the chain that ended with an earlier key of this name; 0: none */
        Sha256 lost_head;
        LIST_OF(AnswerRoot) roots; /* of the network, in order; the last is the current one */
        char *manifest;            /* an envelope */
} Answer;

const char *answer_state_to_string(AnswerState state);

extern const Schema answer_schema;
DEFINE_DOCUMENT(Answer, answer);

/* The key of the box: of the hub by its key for claims and the claim's ephemeral key, of the device by its
 * ephemeral key and the hub's key for claims. Errors: -EBADMSG a key of small order; -ENOMEM. */
int answer_key(const Secret *secret, const uint8_t other[static X25519_SIZE], const Sha256 *claim_sha256,
               Secret **ret_key);

/* The caller frees `ret_box`. Errors: DEVBOX_ERROR_BAD_SCHEMA the answer could not be read again; -EFBIG;
 * -ENOMEM. */
int answer_seal(const Answer *answer, const Secret *key, uint8_t **ret_box, size_t *ret_size);

/* Errors: DEVBOX_ERROR_BAD_ENVELOPE not an answer to this claim; DEVBOX_ERROR_BAD_SCHEMA; -ENOMEM. */
int answer_open(Bytes box, const Secret *key, Answer **ret_answer);
