/* SPDX-License-Identifier: MIT */
#pragma once

/* Verification by short string (m.sas.v1), in a room or by to-device messages: two people compare seven
 * emojis on two screens, which rules out an attacker between their devices. What follows is that our
 * user-signing key signs the other user's master key; it pins nothing: that is the manifest's.
 *
 * State is in the store, and a flow survives a restart. It ends after ten minutes. The caller accepts, and a
 * person confirms: nothing here does so by itself. */

#include "e2ee/e2ee.h"
#include "e2ee/sas.h"

typedef enum VerificationState {
        VERIFICATION_ASKED,     /* we asked, and wait for their device to be ready */
        VERIFICATION_REQUESTED, /* they asked: e2ee_verification_accept() */
        VERIFICATION_READY,     /* we accepted, and wait for their start */
        VERIFICATION_STARTED,   /* we started, and wait for their accept */
        VERIFICATION_ACCEPTED,  /* the start was accepted; keys are exchanged */
        VERIFICATION_COMPARING, /* both sides show `sas`: e2ee_verification_confirm() */
        VERIFICATION_CONFIRMED, /* we confirmed, and wait for them */
        VERIFICATION_DONE,
        VERIFICATION_CANCELLED,
} VerificationState;

typedef struct Verification {
        int64_t id; /* stays, while the server chooses the transaction id of a request in a room */
        char *txn_id, *user_id, *device_id, *room_id; /* owned; `room_id` NULL: by to-device messages */
        VerificationState state;
        char *start; /* canonical content of the m.key.verification.start that counts */
        bool we_started;
        char *commitment; /* to their key, which follows ours */
        Secret *secret;   /* ephemeral */
        char *our_key, *their_key;
        char *their_mac; /* content of their m.key.verification.mac, if it was received first */
        char *code;      /* why it was cancelled */
        int64_t created_ms;
} Verification;

#define VERIFICATION_NULL ((Verification){ 0 })

void verification_clear(Verification *verification);

/* In the order of their transaction ids; NULL: from the first. 1: there is one, cleared by the caller. Ended
 * ones stay for an hour. */
int e2ee_next_verification(E2ee *e2ee, const char *after_txn_id, Verification *ret_verification);

/* Errors: -EINVAL not in the state VERIFICATION_COMPARING or VERIFICATION_CONFIRMED. */
int e2ee_verification_sas(E2ee *e2ee, const Verification *verification, uint8_t ret_sas[static SAS_SIZE]);

/* Asks a user, in a room if `room_id` is not NULL, otherwise that device. `ret_id` may be NULL. */
int e2ee_verification_ask(E2ee *e2ee, const char *user_id, const char *device_id, const char *room_id,
                          int64_t *ret_id);

/* The decisions of the person; `code` NULL: theirs to cancel, which means that the emojis differ once they
 * are shown. Errors: -ENOENT no such flow; -EINVAL another state. */
int e2ee_verification_accept(E2ee *e2ee, const char *txn_id);
int e2ee_verification_confirm(E2ee *e2ee, const char *txn_id);
int e2ee_verification_cancel(E2ee *e2ee, const char *txn_id, const char *code);

/* The transaction id of a flow. 1: there is one, which the caller frees. */
int e2ee_verification_find(E2ee *e2ee, int64_t id, char **ret_txn_id);

/* As if it had never been asked for: nothing is sent. */
int e2ee_verification_forget(E2ee *e2ee, const char *txn_id);

/* A message of a flow. `room_id` and `event_id` of an event in a room, else NULL. In a room, `content` has
 * the `m.relates_to` that the event had in clear. */
typedef struct VerificationMessage {
        const char *sender, *type, *room_id, *event_id;
        const cJSON *content;
} VerificationMessage;

int e2ee_receive_verification(E2ee *e2ee, const VerificationMessage *message);

/* A room event of ours was sent, and has an id now. */
int verification_on_sent(E2ee *e2ee, const cJSON *context, const cJSON *response);
int verification_plan(E2ee *e2ee);
