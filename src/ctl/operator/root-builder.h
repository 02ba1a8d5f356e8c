/* SPDX-License-Identifier: MIT */
#pragma once

/* The content of a root that is made or changed. */

#include "trust/root.h"

#define ROOT_LIFE_MS UINT64_C(31622400000) /* 366 days */

/* An envelope must have room for the signatures of two roots, even if they share no key. */
#define ROOT_THRESHOLD_MAX (ENVELOPE_SIGNATURES_MAX / 2)

/* Its lists point into `keys`: it must not be copied. */
typedef struct RootBuilder {
        Root root;
        PublicKey keys[_ROOT_ROLE_MAX][ROOT_KEYS_MAX];
        char network[64];
} RootBuilder;

/* The first root of a network; its roles have no keys yet. */
void root_builder_begin(RootBuilder *builder, const char *network);

/* The root after `before`: the same, but for its number. */
void root_builder_follow(RootBuilder *builder, const Root *before);

/* The only key of a role. */
void root_builder_set(RootBuilder *builder, RootRole role, const PublicKey *key);

/* Replaces `old` in every role. */
void root_builder_replace(RootBuilder *builder, const PublicKey *old, const PublicKey *new);

typedef struct RootKeyList {
        PublicKey keys[ROOT_KEYS_MAX];
        size_t n;
} RootKeyList;

/* What a person changes in a root. Zero: leave it as it is. */
typedef struct RootChanges {
        uint64_t expires_at_ms; /* 0: in a year */
        RootKeyList witness;    /* at most one */
        RootKeyList others;     /* keys of the role root beside one's own */
        uint64_t threshold;     /* at most ROOT_THRESHOLD_MAX */
} RootChanges;

/* `own` is the caller's key. Returns 0, or DEVBOX_ERROR_BAD_REQUEST with its detail, which the caller frees.
 * Errors: -ENOMEM. */
int root_builder_apply(RootBuilder *builder, const RootChanges *changes, const PublicKey *own,
                       uint64_t now_ms, char **ret_problem);
