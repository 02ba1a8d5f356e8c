/* SPDX-License-Identifier: MIT */
#pragma once

/* The checkpoints that an auditor holds of one chain, in the order of their sizes, to be compared with it
 * while it is read. */

#include "audit/chain-state.h"
#include "audit/checkpoint.h"

typedef struct CheckpointClaim {
        Checkpoint checkpoint;
        Envelope *envelope;
        const char *conflict; /* of a deferred one: why it does not fit the chain; NULL: it does */
} CheckpointClaim;

typedef struct CheckpointClaims {
        CheckpointClaim *items;
        size_t n;
        size_t n_deferred; /* the first ones: compared, but not signed by a key that was known then */
        size_t next;       /* to be compared */
} CheckpointClaims;

void checkpoint_claims_done(CheckpointClaims *claims);

/* Ignores one of another device. Errors: -EBADMSG not a checkpoint in an envelope; -ENOMEM. */
int checkpoint_claims_add(CheckpointClaims *claims, const char *device, const char *envelope);

/* Once all are added. */
void checkpoint_claims_sort(CheckpointClaims *claims);

/* The next one of at most this size; NULL: none. */
CheckpointClaim *checkpoint_claims_next(CheckpointClaims *claims, uint64_t size);

/* Keeps the one that was just returned for the end of the chain. */
void checkpoint_claims_defer(CheckpointClaims *claims, const char *conflict);

/* Who signed. The signature of the device is always needed: a witness alone neither confirms a chain nor
 * convicts the device, or its key could do so to any. */
typedef enum CheckpointSigner {
        SIGNED_BY_NONE,
        SIGNED_BY_WITNESS_ALONE, /* of any root; not by a key of the device */
        SIGNED_BY_DEVICE,
        SIGNED_BY_RETIRED_WITNESS, /* and by a witness of an older root */
        SIGNED_BY_WITNESS,         /* and by one of the newest root */
} CheckpointSigner;

/* Returns a CheckpointSigner. Errors: -ENOMEM. */
int checkpoint_claim_find_signer(const CheckpointClaim *claim, const ChainState *state);
