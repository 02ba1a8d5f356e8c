/* SPDX-License-Identifier: MIT */
#pragma once

/* Filling in a root: what the options of init and rotate say about it. Functions that return int return 0,
 * or an exit status after they said what is wrong. Errors: -ENOMEM. */

#include "ctl/ctl.h"
#include "trust/root.h"

#define ROOT_LIFE_MS UINT64_C(31622400000) /* 366 days */

/* An envelope must hold the signatures of two roots' people, even if nobody is among both. */
#define ROOT_THRESHOLD_MAX (ENVELOPE_SIGNATURES_MAX / 2)

/* Its lists lie in `keys`: it must not be copied. */
typedef struct RootBuilder {
        Root root;
        PublicKey keys[_ROOT_ROLE_MAX][ROOT_KEYS_MAX];
        char network[64];
} RootBuilder;

/* The first root of a network, in which no key has a say yet. */
void root_builder_begin(RootBuilder *builder, const char *network);

/* The root after `before`: the same, but for its number. */
void root_builder_follow(RootBuilder *builder, const Root *before);

/* The only key of a role. */
void root_builder_set(RootBuilder *builder, RootRole role, const PublicKey *key);

/* `new` stands wherever `old` stood. */
void root_builder_replace(RootBuilder *builder, const PublicKey *old, const PublicKey *new);

/* --expires, or a year from now; --witness; --root-keys and --threshold, beside the caller's `own` key. */
int root_builder_apply(const Ctl *ctl, const PublicKey *own, RootBuilder *builder);
