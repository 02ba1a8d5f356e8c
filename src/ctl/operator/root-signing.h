/* SPDX-License-Identifier: MIT */
#pragma once

/* A root on its way to be one: what it says, and which keys of its own and of the root before have signed it
 * so far. It is an envelope like that of a finished root, which no device accepts yet. */

#include "trust/root.h"

typedef struct RootDraft {
        Envelope *envelope;
        Root *root;
        const Root *before; /* borrowed; NULL: it is the first, or the one before is not known */
        uint32_t signers, signers_before; /* bit i: the i-th key of the role root */
        size_t missing, missing_before;   /* how many more must sign */
} RootDraft;

#define ROOT_DRAFT_NULL ((RootDraft){ 0 })

void root_draft_done(RootDraft *draft);

/* An unsigned one, that says what `root` says. Errors: -ENOMEM; -EINVAL the root breaks its own rules. */
int root_draft_new(const Root *root, const Root *before, RootDraft *ret_draft);

/* Takes the envelope, also on failure. Errors: DEVBOX_ERROR_BAD_ENVELOPE, it holds no root;
 * DEVBOX_ERROR_BAD_SCHEMA; -ENOMEM. */
int root_draft_take(Envelope *envelope, RootDraft *ret_draft);

/* Counts the keys of the root before, too. Errors: DEVBOX_ERROR_ROOT_CHAIN, it is not the one before, and
 * the draft is as it was; -ENOMEM. */
int root_draft_follow(RootDraft *draft, const Root *before);

typedef enum RootSay {
        ROOT_SAY_NONE,   /* the key is of neither root */
        ROOT_SAY_SIGNED, /* it has signed */
        ROOT_SAY_ENOUGH, /* where it has a say, enough others have signed */
        ROOT_SAY_WANTED, /* its signature is missing */
} RootSay;

RootSay root_draft_say(const RootDraft *draft, const PublicKey *key);

/* Adds a signature and counts again. Errors: -ENOSPC; -ENOMEM. */
int root_draft_sign(RootDraft *draft, const KeyPair *pair);

static inline bool root_draft_is_complete(const RootDraft *draft)
{
        return draft->missing == 0 && draft->missing_before == 0;
}

/* The envelope and a line end; the caller frees the text. Errors: -ENOMEM. */
int root_draft_format(const RootDraft *draft, char **ret_text);
