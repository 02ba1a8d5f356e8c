/* SPDX-License-Identifier: MIT */
#pragma once

/* The state of a device as its chain shows it, and which entry may follow: a chain begins with its own name;
 * roots and manifests only go forward; a request is accepted once, under the manifest in force, then
 * started, then finished. */

#include "audit/body.h"
#include "audit/replay-cache.h"
#include "proto/error.h"
#include "trust/root.h"

/* A root that the auditor holds, in the order of their versions. */
typedef struct AuditRoot {
        int64_t version;
        Sha256 digest;
        const Root *root;
} AuditRoot;

/* Why an entry contradicts those before, or what the operator signed. */
typedef struct AuditFinding {
        const char *why;   /* a sentence without a full stop */
        DevboxError error; /* by which it would have been rejected; 0: none */
} AuditFinding;

/* What the functions that judge an entry return besides 0 and -errno. */
enum { AUDIT_CONTRADICTION = 1 };

static inline int audit_contradiction(AuditFinding *finding, const char *why)
{
        *finding = (AuditFinding){ .why = why };
        return AUDIT_CONTRADICTION;
}

typedef struct ChainState {
        const ChainIdentity *identity;
        const AuditRoot *roots;
        size_t n_roots;

        ReplayCache used;
        PublicKey device_keys[KEY_SET_MAX]; /* the last ones; the nth of all at (n - 1) % KEY_SET_MAX */
        size_t n_device_keys;               /* of all */
        size_t n_accepted, n_redacted;      /* requests; those of which some arguments are digests */
        size_t n_unknown_roots;             /* not held by the auditor, who has some */
        uint16_t last_type;                 /* of the entry before */
        Sha256 adopted_by;                  /* the manifest that the last adoption names */

        Sha256 first_root;
        int64_t root_version, epoch; /* 0: no root yet */
        const Root *root;            /* NULL: not held by the auditor */
        RequestManifest manifest;    /* the last; version 0: none yet */
        uint64_t manifest_seq;       /* of its entry */
        bool in_force;               /* neither a tombstone nor of an epoch that is over */
} ChainState;

void chain_state_init(ChainState *state, const ChainIdentity *identity, const AuditRoot *roots,
                      size_t n_roots);
void chain_state_done(ChainState *state);

/* The current key of the device, and all that may have signed for it. */
const PublicKey *chain_state_device_key(const ChainState *state);
KeySet chain_state_device_keys(const ChainState *state);

/* A request that was accepted and has not expired; NULL: none. Valid until the next entry. */
ReplayEntry *chain_state_find_request(const ChainState *state, const AuditBody *body);

/* Marks as used, until a ledger may delete it. Errors: AUDIT_CONTRADICTION, -ENOMEM. */
int chain_state_use(ChainState *state, Bytes key, uint64_t time_ms, AuditFinding *finding);

/* Only the device's keys of an entry. Errors: AUDIT_CONTRADICTION. */
int chain_state_next_key(ChainState *state, const AuditEntry *entry, const AuditBody *body,
                         AuditFinding *finding);

/* Errors: AUDIT_CONTRADICTION the entry cannot follow; -ENOMEM. */
int chain_state_next(ChainState *state, const AuditEntry *entry, const AuditBody *body,
                     AuditFinding *finding);
