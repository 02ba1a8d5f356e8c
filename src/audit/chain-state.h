/* SPDX-License-Identifier: MIT */
#pragma once

/* What entries say, and whether it can have happened, by the chain alone: a chain begins with its own name;
 * roots and manifests only go forward; a request is accepted once, under the manifest in force, then
 * started, then finished. */

#include "audit/body.h"
#include "audit/replay-cache.h"
#include "trust/root.h"

/* A root that the auditor holds, in the order of their versions. Entries of the type `root` may name no
 * other. */
typedef struct AuditRoot {
        int64_t version;
        Sha256 digest;
        const Root *root;
} AuditRoot;

typedef struct ChainState {
        const ChainIdentity *identity;
        const AuditRoot *roots;
        size_t n_roots;

        ReplayCache once;
        PublicKey device_keys[KEY_SET_MAX]; /* the last that it has had, the nth at (n - 1) % KEY_SET_MAX */
        size_t n_device_keys;               /* in all */
        size_t n_accepted, n_redacted;      /* requests; and those whose arguments are not all there */
        size_t n_unknown_roots;             /* that the auditor does not have, who has some */
        bool adopts;                        /* the entry before: by this manifest */
        Sha256 adopted_by;

        Sha256 first_root;
        int64_t root_version, epoch; /* 0: no root yet */
        const Root *root;            /* NULL: not one of the auditor's */
        RequestManifest manifest;    /* the last; version 0: none yet */
        bool in_force;               /* it was not taken back */
} ChainState;

void chain_state_done(ChainState *life);

/* The key that the device has, and all that may have signed for it. */
const PublicKey *chain_state_device_key(const ChainState *life);
KeySet chain_state_device_keys(const ChainState *life);

/* Remembers what may be used once, and was not there. NULL, or why it cannot be; `*error` as below. */
const char *chain_state_use(ChainState *life, Bytes key, uint64_t time_ms, int *error);

/* Only what an entry says about the device's keys, of a chain that is not looked at otherwise. */
const char *chain_state_step_keys(ChainState *life, const AuditEntry *entry, const AuditBody *body);

/* NULL, or why the entry cannot stand there. `*error` is set to -ENOMEM if that is what happened. */
const char *chain_state_step(ChainState *life, const AuditEntry *entry, const AuditBody *body, int *error);
