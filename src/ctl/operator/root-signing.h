/* SPDX-License-Identifier: MIT */
#pragma once

/* A draft of a root: its content, and which keys of its own and of the root before have signed it so far. It
 * is an envelope like that of a finished root, which no device accepts yet. */

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

/* An unsigned draft of `root`. Errors: -ENOMEM; -EINVAL the root is not valid. */
int root_draft_new(const Root *root, const Root *before, RootDraft *ret_draft);

/* Takes the envelope, also on failure. Errors: DEVBOX_ERROR_BAD_ENVELOPE, it holds no root;
 * DEVBOX_ERROR_BAD_SCHEMA; -ENOMEM. */
int root_draft_take(Envelope *envelope, RootDraft *ret_draft);

/* Counts the keys of the root before, too. Errors: DEVBOX_ERROR_ROOT_CHAIN, it is not the one before, and
 * the draft is as it was; -ENOMEM. */
int root_draft_follow(RootDraft *draft, const Root *before);

typedef enum RootSignature {
        ROOT_SIGNATURE_UNKNOWN_KEY, /* neither root names the key */
        ROOT_SIGNATURE_PRESENT,
        ROOT_SIGNATURE_UNNEEDED, /* enough other keys have signed */
        ROOT_SIGNATURE_MISSING,
} RootSignature;

RootSignature root_draft_signature(const RootDraft *draft, const PublicKey *key);

/* Adds a signature and counts again. Errors: -ENOSPC; -ENOMEM. */
int root_draft_sign(RootDraft *draft, const KeyPair *pair);

static inline bool root_draft_is_complete(const RootDraft *draft)
{
        return draft->missing == 0 && draft->missing_before == 0;
}

/* The envelope and a line end; the caller frees the text. Errors: -ENOMEM. */
int root_draft_format(const RootDraft *draft, char **ret_text);
