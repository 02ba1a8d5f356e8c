/* SPDX-License-Identifier: MIT */
#pragma once

/* Joining a network, on the device. Each step is durable before it returns, can be repeated, and gives the
 * same again:
 *
 *     ""  ──start──► keys ──sign──► claimed ──open──► admitted ──finish──► installed ──confirm──► joined
 *
 * The keys are on the disk and were read back before the claim leaves; a retry uses the same ones, so that
 * the hub sees one device. Until it is installed the link has the token's bootstrap key and address, and
 * reaches nothing but the hub's enrolment port. */

#include "mesh/node.h"
#include "trust/answer.h"
#include "trust/claim.h"

typedef enum JoinState {
        JOIN_STATE_NONE,
        JOIN_STATE_KEYS,
        JOIN_STATE_CLAIMED,
        JOIN_STATE_ADMITTED,
        JOIN_STATE_INSTALLED,
        JOIN_STATE_JOINED,
        _JOIN_STATE_MAX,
        _JOIN_STATE_INVALID = -EINVAL,
} JoinState;

JoinState join_state_of(const Node *node);

typedef struct JoinRequest {
        const Token *token;          /* NULL: the one that is kept */
        const PublicKey *device_key; /* of the ledger */
        const char *description;     /* what is not graphic ASCII becomes "?", what is too long is cut */
        uint64_t now_ms;
} JoinRequest;

/* The claim's body, to be signed by the ledger; it holds the token's secret. Another token replaces a join
 * that was not installed. Errors: DEVBOX_ERROR_ENROLLED_OTHERWISE this machine is a hub, has joined, or
 * joins by this token with another ledger key; _NOT_FOUND no token is kept; _BAD_ENVELOPE a key in the token
 * has a small order; those of a database and of sealed_file_write(). */
int join_start(const Store *store, const JoinRequest *request, uint8_t ret_body[static CLAIM_BODY_MAX],
               size_t *ret_size);

/* What the kept token says. Returns 1, or 0: none is kept. Errors: those of a database. */
typedef struct JoinInvitation {
        char device[DEVICE_NAME_SIZE];
        Sha256 root_sha256;
} JoinInvitation;

int join_invitation(const Store *store, JoinInvitation *ret_invitation);

/* The sealed claim to send. The first signature is kept: the hub must see one claim. Errors:
 * DEVBOX_ERROR_REQUEST_STATE nothing was started; _BAD_SIG; those of a database. */
int join_sign(const Store *store, const Signature *signature, uint8_t ret_sealed[static CLAIM_SEALED_MAX],
              size_t *ret_size);

/* Opens what the hub answered; an admission is kept. The digits are empty if there are none. Errors:
 * DEVBOX_ERROR_REQUEST_STATE nothing was claimed; _BAD_ENVELOPE it is no answer to this claim, or one of
 * another network than the token's; _BAD_SCHEMA; those of a database. */
int join_open(const Store *store, Bytes box, Answer **ret_answer,
              char ret_digits[static ENROLMENT_DIGITS_SIZE]);

/* Changes to the device's own key and address. Whether roots and manifest are good is the caller's to check
 * before. Errors: DEVBOX_ERROR_REQUEST_STATE it was not admitted; those of a database. */
int join_finish(const Store *store);

/* The hub answered inside the tunnel: forgets the token. Errors: DEVBOX_ERROR_REQUEST_STATE it was not
 * finished; those of a database. */
int join_confirm(const Store *store);

/* Forgets the network, also one that was only begun to be joined; without one it does nothing. Errors:
 * DEVBOX_ERROR_REQUEST_STATE this machine is a hub; those of a database. */
int join_leave(const Store *store);
