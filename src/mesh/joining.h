/* SPDX-License-Identifier: MIT */
#pragma once

/* What a device keeps while it joins: one row with the token, the claim, its signature and the hub's
 * admission, and two key files. Whatever holds the token's secret is in a box. */

#include "mesh/store.h"
#include "trust/answer.h"
#include "trust/claim.h"

typedef struct Joining {
        Token token;
        Claim claim;
        uint8_t body[CLAIM_BODY_MAX]; /* of the claim */
        size_t body_size;
        Secret *ephemeral; /* of the claim's key */
        Signature signature;
        bool is_signed;
        Answer *answer; /* NULL: not admitted */
} Joining;

#define JOINING_NULL ((Joining){ .answer = NULL })

/* Wipes the secrets. */
void joining_done(Joining *joining);

/* Returns 1, or 0: nothing is kept. Errors: those of a database; -EBADMSG. */
int joining_load(const Store *store, Joining *joining);

/* A new row, without signature and admission. Inside the caller's transaction. */
int joining_store(const Store *store, const Joining *joining);

/* The link has the bootstrap key until the device is admitted, and the WireGuard key from then on. The files
 * are named by the token, so that a new attempt leaves the keys of another alone. */
typedef enum JoiningKey { JOINING_KEY_BOOTSTRAP, JOINING_KEY_WIREGUARD, _JOINING_KEY_MAX } JoiningKey;

#define JOINING_KEY_NAME_SIZE 32

void joining_key_name(const Token *token, JoiningKey key, char ret_name[static JOINING_KEY_NAME_SIZE]);
int joining_key_write(const Store *store, const Token *token, JoiningKey key, const Secret *secret);
void joining_key_remove(const Store *store, const Token *token, JoiningKey key);
