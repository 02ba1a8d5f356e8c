/* SPDX-License-Identifier: MIT */
#pragma once

/* Whether what the device says it did was allowed, judged again from the signed things themselves: each
 * manifest by the root that was in force, each request by its manifest, its signatures and its approvals, at
 * the moment of its entry. What the auditor does not have is not judged, but counted. */

#include "audit/chain-state.h"
#include "audit/evidence.h"
#include "proto/error.h"

/* Of a manifest, by the root. */
typedef enum AuditStanding {
        STANDING_UNKNOWN, /* the root is not one of the auditor's */
        STANDING_VOID,    /* it took away the key that signed it; a later one may give it back */
        STANDING_GOOD,
} AuditStanding;

typedef struct PolicyReplay {
        ChainState *life;
        AuditEvidence *evidence; /* borrowed; NULL: there is none */
        size_t n_proved;         /* requests that were judged again, and are right */
        DevboxError refusal;     /* what a judgement said that was no */

        Manifest *manifest; /* the last; NULL: none, or it is not in evidence, or its root is not known */
        Envelope *envelope; /* of the manifest */
        ManifestFloor floor;
        AuditStanding standing;
} PolicyReplay;

void policy_replay_done(PolicyReplay *proof);

/* After chain_state_step() of the same entry; returns likewise. */
const char *policy_replay_step(PolicyReplay *proof, const AuditEntry *entry, const AuditBody *body,
                               int *error);
