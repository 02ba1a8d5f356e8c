/* SPDX-License-Identifier: MIT */
#pragma once

/* Judges again what the device accepted, from evidence: each manifest by the root in force, each request by
 * its manifest, signatures and approvals, at the time of its entry, and each start by the manifest then in
 * force. A request that is not in evidence is judged by what its entry records, if its manifest is. Ledgers
 * did not always record confirmations of the manifest: until the first, a strict request that lacks one is
 * unproven. */

#include "audit/chain-state.h"
#include "audit/evidence.h"
#include "audit/rate-window.h"
#include "proto/error.h"

typedef enum ManifestStanding {
        MANIFEST_UNKNOWN, /* not in evidence, or its root is not held by the auditor */
        MANIFEST_VOID,    /* the root no longer has the key that signed it; a later root may have it again */
        MANIFEST_VALID,
} ManifestStanding;

typedef struct PolicyReplay {
        ChainState *state;       /* borrowed */
        AuditEvidence *evidence; /* borrowed; NULL: none */
        size_t n_judged;         /* requests that were judged again, and allowed */
        size_t n_recorded;       /* allowed by their entries, which lack only what the manifest redacts */

        Manifest *manifest; /* the last; NULL: none, or unknown */
        Envelope *envelope; /* of the manifest */
        RateWindow *rates;  /* for each of its capabilities; n 0: no limit */
        ManifestFloor floor;
        uint64_t confirmed_at_ms; /* by what is recorded; 0: no manifest yet */
        bool confirmations;       /* there was one: of a ledger that records them */
        ManifestStanding standing;
        ReplayCache judged; /* digests of requests; never expire */
} PolicyReplay;

void policy_replay_done(PolicyReplay *replay);

/* After chain_state_next() of the same entry. Errors: AUDIT_CONTRADICTION, -ENOMEM, those of evidence. */
int policy_replay_next(PolicyReplay *replay, const AuditEntry *entry, const AuditBody *body,
                       AuditFinding *finding);
