/* SPDX-License-Identifier: MIT */
#pragma once

/* An approval: the decision of one person on exactly one request. Signed by the attester that observed it,
 * or by the approver's own key. */

#include "crypto/sha256.h"
#include "schema/schema.h"

/* In rising order of what it withstands: a malicious room member, then the homeserver, then the hub. */
typedef enum ApprovalTier {
        APPROVAL_NONE,
        APPROVAL_REACTION, /* a 👍, which is not encrypted */
        APPROVAL_MESSAGE,  /* an encrypted message from a cross-signed device, or the dashboard's token */
        APPROVAL_SIGNED,   /* the approver's own key, verified on the device */
        _APPROVAL_TIER_MAX,
} ApprovalTier;

typedef enum ApprovalDecision { APPROVAL_APPROVE, APPROVAL_DENY, _APPROVAL_DECISION_MAX } ApprovalDecision;

#define APPROVAL_LIFE_MAX_MS (5 * 60 * 1000)

typedef struct Approval {
        char *request_id;
        Sha256 request_sha256;
        char *device;
        int tier;                 /* ApprovalTier, never none */
        char *approver;           /* a principal */
        char *approver_device_fp; /* these four: NULL where the tier has none, or the approver is no Matrix
                                     user */
        char *approval_msg_id;
        char *reaction_event_id;
        char *room;
        int decision; /* ApprovalDecision */
        int64_t decided_at_ms, expires_at_ms;
} Approval;

extern const Schema approval_schema;
DEFINE_DOCUMENT(Approval, approval);

extern const char *const approval_tier_names[_APPROVAL_TIER_MAX + 1]; /* ends with NULL */
