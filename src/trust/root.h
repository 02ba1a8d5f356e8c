/* SPDX-License-Identifier: MIT */
#pragma once

/* The root: which keys may sign what. The first root of a device is installed by hand; from then on root N+1
 * must be signed by a threshold of the root keys of N and by a threshold of those of N+1 (The Update
 * Framework, section 5.3). Expiry is checked only on the last of a chain, so that a device which missed
 * several rotations can follow them. */

#include "schema/schema.h"
#include "trust/envelope.h"

#define ROOT_KEYS_MAX  16
#define ROOT_STEPS_MAX 1024

typedef enum RootRole {
        ROOT_ROLE_ROOT,     /* the next root */
        ROOT_ROLE_MANIFEST, /* what a device may do */
        ROOT_ROLE_TOKEN,    /* invitations */
        ROOT_ROLE_APPROVAL, /* if there are any: of an approver's keys, only these count for the signed tier
                             */
        ROOT_ROLE_WITNESS,  /* countersignatures of checkpoints */
        _ROOT_ROLE_MAX,
} RootRole;

typedef struct RootKeys {
        int64_t threshold;
        LIST_OF(PublicKey) keys;
} RootKeys;

typedef struct Root {
        char *network;   /* a label; never changes along a chain */
        int64_t version; /* exactly one more each time */
        int64_t epoch;   /* manifests of an earlier one are invalid; never decreases */
        int64_t issued_at_ms, expires_at_ms;
        RootKeys roles[_ROOT_ROLE_MAX];
} Root;

extern const Schema root_schema;
DEFINE_DOCUMENT(Root, root);

const char *root_role_name(RootRole role); /* "manifest"; also the role of its key ids */

/* Borrows from the root. */
KeySet root_key_set(const Root *root, RootRole role);

bool root_has_key(const Root *root, RootRole role, const PublicKey *key);

/* Accepts a root that was installed by hand: signed by a threshold of its own root keys, and, if `pin` is
 * not NULL, with exactly this digest. Errors: DEVBOX_ERROR_ROOT_CHAIN, DEVBOX_ERROR_BAD_SCHEMA, -ENOMEM. */
int root_accept_first(const Envelope *envelope, const Sha256 *pin, Root **ret_root);

/* Accepts the root after `current`. Errors: DEVBOX_ERROR_ROOT_CHAIN not exactly N+1, too few old or new
 * keys, another network or a lower epoch; DEVBOX_ERROR_BAD_SCHEMA; -ENOMEM. */
int root_accept_next(const Root *current, const Envelope *envelope, Root **ret_root);

/* Errors: DEVBOX_ERROR_ROOT_EXPIRED. */
int root_check_expiry(const Root *root, uint64_t now_ms);
